/** Ctrl-C, or the terminal is gone: exit status 130. */
export class Interrupted extends Error {
  constructor() {
    super('interrupted')
    this.name = 'Interrupted'
  }
}

/**
 * Runs work that Ctrl-C ends. The signal tells whoever began something to undo it; what does not listen, such as the
 * making of a root filesystem, ends with this process.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>, undoMs = UNDO_MS): Promise<T> {
  const controller = new AbortController()
  const interrupted = Promise.withResolvers<never>()
  interrupted.promise.catch(() => {})
  const onSignal = (): void => {
    controller.abort(new Interrupted())
    setTimeout(() => interrupted.reject(new Interrupted()), undoMs).unref()
  }
  for (const name of SIGNALS) process.once(name, onSignal)
  try {
    return await Promise.race([work(controller.signal), interrupted.promise])
  } catch (error) {
    throw controller.signal.aborted ? new Interrupted() : error
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal)
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** What listens has undone its work by then. */
const UNDO_MS = 1_000
