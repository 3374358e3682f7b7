// The watching terminal: judges after every command typed in the lab, and says what now holds.
import { emitKeypressEvents } from 'node:readline'
import type { Event, StepVerdicts } from '../core/events.ts'
import { Journal } from '../engine/journal.ts'
import { currentStep, judgeNow, start, type Session } from '../engine/session.ts'
import { nextHint } from './commands/hint.ts'
import { shellIn } from './commands/shell.ts'
import { claimLines, coloured, paint, plain } from './print.ts'
import { stepProse } from './step-prose.ts'

/** Changes that come from no shell of ours, a daemon that learns a route, are seen by looking now and then. */
const POLL_MS = 4_000

export async function watch(session: Session): Promise<number> {
  const { home, loaded, provider } = session
  const ended = Promise.withResolvers<number>()
  const follower = new AbortController()
  const colour = coloured(process.stdout)
  const style = paint(colour)
  const nodes = loaded.topology.nodes.map(node => node.name)
  let found: readonly StepVerdicts[] = []
  let told: readonly string[] = []
  /** The step that is shown: it stays, with its claims true, until the learner goes on. */
  let shownId: string | undefined
  let judgedOnce = false
  let judging = false
  let again = false
  let paused = false

  const draw = (): void => {
    if (paused) return
    const shown = loaded.lesson.steps.find(step => step.id === shownId)
    const verdicts = found.find(step => step.id === shown?.id)
    const lines = shown === undefined ? finished() : [
      ...stepProse(loaded, shown, { width: Math.min(process.stdout.columns || 80, 100), colour }).split('\n'), '',
      ...(verdicts?.verdicts.flatMap(judged => claimLines(judged, colour)) ?? [style('dim', '○ not judged yet: a step before it does not hold')]),
      ...(verdicts?.status === 'pass' ? ['', style('green', 'This step holds. n goes on.')] : []),
    ]
    const broken = found.filter(step => step.id !== shown?.id && step.status === 'fail' && position(step.id) < position(shown?.id))
    process.stdout.write(`\x1b[H\x1b[2J\x1b[3J${[
      `${style('bold', `${loaded.slug.slice(0, 2)} · ${loaded.lesson.title}`)}   ${style('dim', [
        shown === undefined ? 'all steps hold' : `step ${position(shown.id) + 1} of ${loaded.lesson.steps.length}`, nodes.join(' '), provider.name].join(' · '))}`,
      '', ...lines,
      ...broken.flatMap(step => ['', style('red', `${step.title} held before, and does not any more:`),
        ...step.verdicts.filter(({ verdict }) => verdict.status !== 'pass').flatMap(judged => claimLines(judged, colour))]),
      ...told.flatMap(line => ['', line]), '',
      style('dim', `in another terminal: npx lab shell ${nodes[0] ?? 'node1'}`),
      ['h hint', 'c check now', 'n next', 's shell', 'r reset', 'q quit'].map(key => `${style('bold', key.slice(0, 1))}${key.slice(1)}`).join('   '),
    ].join('\n')}\n`)
  }
  const position = (id: string | undefined): number => {
    const at = loaded.lesson.steps.findIndex(step => step.id === id)
    return at === -1 ? loaded.lesson.steps.length : at
  }
  const finished = (): string[] => [style('green', `Every step of ${loaded.lesson.title} holds.`), '',
    'Before you go: can you say, without the page, why each of them does?', 'npx lab list shows the next lab; npx lab stop ends this one.']

  const judge = async (): Promise<void> => {
    if (judging) {
      again = true
      return
    }
    judging = true
    do {
      again = false
      try {
        found = await judgeNow(session)
      } catch (error) {
        told = [plain(error instanceof Error ? error.message : String(error))]
      }
    } while (again)
    judging = false
    if (!judgedOnce) shownId = currentStep(loaded, found)?.id
    judgedOnce = true
    draw()
  }
  const onEvent = (event: Event): void => {
    if (event.kind === 'command') {
      told = []
      void judge()
    } else if (event.kind === 'regressed') {
      told = [style('red', `broken: ${event.claims.join('; ')}`), ...event.since.slice(-3).map(command => style('dim', `  after ${plain(command)}`))]
      draw()
    } else if (event.kind === 'stopped') ended.resolve(0)
    else if (event.kind === 'started' || event.kind === 'reset') void judge()
  }
  const keys: Readonly<Record<string, () => void | Promise<void>>> = {
    q: () => ended.resolve(0),
    c: judge,
    h: () => {
      const hint = nextHint(session, found)
      told = hint === undefined ? ['Every step holds: no hint is needed.'] : [style('yellow', `hint ${hint.number} of ${hint.of}: ${hint.text}`)]
      draw()
    },
    n: () => {
      const next = loaded.lesson.steps[position(shownId) + 1]
      const current = currentStep(loaded, found)
      // Past the last step comes the end, but only when there is nothing left to do.
      shownId = next?.id ?? current?.id
      told = next !== undefined && current !== undefined && position(next.id) > position(current.id)
        ? [style('dim', `${current.title} does not hold yet; c goes back to it`)] : []
      draw()
    },
    s: async () => {
      paused = true
      process.stdout.write('\x1b[H\x1b[2J')
      listen(false)
      await shellIn(session, nodes[0] ?? '').catch((error: unknown) => { told = [plain(String(error))] })
      listen(true)
      paused = false
      await judge()
    },
    r: async () => {
      told = ['fresh nodes …']
      draw()
      await start(session, { say: () => {} }, follower.signal)
      told = []
      await judge()
    },
  }
  const onKey = (_: string | undefined, key: { readonly name?: string; readonly ctrl?: boolean }): void => {
    if (key.ctrl && (key.name === 'c' || key.name === 'd')) return ended.resolve(0)
    if (key.name === 'c') shownId = currentStep(loaded, found)?.id
    void keys[key.name ?? '']?.()
  }
  const listen = (on: boolean): void => {
    if (on) {
      process.stdin.setRawMode(true)
      process.stdin.resume()
      process.stdin.on('keypress', onKey)
    } else process.stdin.off('keypress', onKey)
  }

  emitKeypressEvents(process.stdin)
  listen(true)
  process.stdout.on('resize', draw)
  const journal = new Journal(home, loaded.slug)
  journal.follow(onEvent, follower.signal)
  const poll = setInterval(() => { if (!paused) void judge() }, POLL_MS)
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, () => ended.resolve(0))
  try {
    await judge()
    return await ended.promise
  } finally {
    clearInterval(poll)
    follower.abort()
    listen(false)
    process.stdin.setRawMode(false)
    process.stdin.pause()
    process.stdout.off('resize', draw)
  }
}
