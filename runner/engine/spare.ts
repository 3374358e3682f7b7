// Nodes for work of the runner's own: a proof, a comparison, a recording.
import type { Node } from '../core/provider.ts'
import type { Session } from './session.ts'

let spares = 0

/**
 * Nodes that nobody else sees, and that end with the work, or with this process. What is asked of nodes hears no signal, and may take
 * long: interrupted, it is left alone, and this ends when its nodes are gone.
 */
export async function onSpareNodes<T>({ loaded, provider }: Pick<Session, 'loaded' | 'provider'>, signal: AbortSignal, work: (nodes: readonly Node[]) => Promise<T>): Promise<T> {
  const id = `${loaded.slug}.spare-${process.pid}-${++spares}`
  const interrupted = Promise.withResolvers<never>()
  interrupted.promise.catch(() => {})
  const onAbort = (): void => interrupted.reject(signal.reason)
  signal.addEventListener('abort', onAbort)
  try {
    // Not kept: if this process is killed, the nodes end with it.
    await provider.up(id, loaded.topology, { signal, keep: false })
    return await Promise.race([provider.nodes(id).then(work), interrupted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    await provider.down(id)
  }
}
