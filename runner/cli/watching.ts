// The watching terminal: judges after every command typed in the lab, and says what now holds. The lesson is printed
// once and stays where the terminal can scroll to; below it a few lines are drawn over themselves.
import { emitKeypressEvents } from 'node:readline'
import { stripVTControlCharacters } from 'node:util'
import { format, type Formatter, type StepVerdicts } from '../core/events.ts'
import { Journal } from '../engine/journal.ts'
import { currentStep, history, judgeNow, startAfresh, type Session } from '../engine/session.ts'
import type { Listening } from '../../site/live/server.ts'
import { nextHint } from './commands/hint.ts'
import { shellIn } from './commands/shell.ts'
import { claimsThatFit } from './claims-that-fit.ts'
import { clock, mendedLines } from './mending.ts'
import { coloured, paint, plain, wrap } from './print.ts'
import { stepProse } from './step-prose.ts'

/** Changes that come from no shell of ours, a daemon that learns a route, are seen by looking now and then. */
const POLL_MS = 4_000
/** Looking now and then takes no more of the machine than this part of the time, even where a look takes long: a cluster has daemons to run. */
const POLL_SHARE = 0.2
/** A step that held and does not any more is said with a claim, where there is room for as much. */
const LEAST_ROWS = 4
/** After a command, what does not hold yet is looked at again: a port that has come up answers within a second or so. */
const SETTLING_MS = [300, 600, 1_200]

export async function watch(session: Session): Promise<number> {
  const { home, loaded, provider } = session
  const journal = new Journal(home, loaded.slug)
  const ended = Promise.withResolvers<string>()
  let quitting = false
  void ended.promise.then(() => { quitting = true })
  const follower = new AbortController()
  const colour = coloured(process.stdout)
  const style = paint(colour)
  const nodes = loaded.topology.nodes.map(node => node.name)
  const panel = new Panel(process.stdout)
  let found: readonly StepVerdicts[] = []
  /** Steps that have held in this run. */
  let held: ReadonlySet<string> = new Set()
  /** Commands typed since each step last held. */
  let since: ReadonlyMap<string, readonly string[]> = new Map()
  /** Since when something that `lab break` did is not found yet. */
  let brokenSince: number | undefined
  let told: readonly string[] = []
  /** The step that is shown: it stays, with its claims true, until the learner goes on. */
  let shownId: string | undefined
  let printedId: string | undefined
  /** How long the last look took. */
  let lookMs = 0
  let judgedOnce = false
  let judging = false
  let again = false
  let paused = false
  let over = false
  let settling: readonly NodeJS.Timeout[] = []
  let page: Listening | undefined

  const position = (id: string | undefined): number => {
    const at = loaded.lesson.steps.findIndex(step => step.id === id)
    return at === -1 ? loaded.lesson.steps.length : at
  }
  const draw = (): void => {
    if (over || paused || (!judgedOnce && shownId === undefined)) return
    const shown = loaded.lesson.steps.find(step => step.id === shownId)
    if (shown !== undefined && printedId !== shownId) {
      panel.clear()
      process.stdout.write(`\n${stepProse(loaded, shown, { width: Math.min(panel.width, 100), colour })}\n\n`)
      printedId = shownId
    }
    const verdicts = found.find(step => step.id === shown?.id)
    const broken = found.filter(step => step.id !== shown?.id && step.status === 'fail' && held.has(step.id))
    const width = Math.min(panel.width, 100)
    const suspects = (id: string): string[] => brokenSince !== undefined ? [] : (since.get(id) ?? []).slice(-3).map(command => style('dim', cut(`  after ${plain(command)}`, width)))
    const above = [
      style('dim', '─'.repeat(width)),
      `${style('bold', `${loaded.slug.slice(0, 2)} · ${loaded.lesson.title}`)}   ${style('dim', [
        shown === undefined ? (broken.length === 0 ? 'all steps hold' : 'finished, and broken since') : `step ${position(shown.id) + 1} of ${loaded.lesson.steps.length}`, nodes.join(' '), provider.name].join(' · '))}`,
      ...(brokenSince === undefined ? [] : [style('yellow', `Something is broken since ${clock(brokenSince)}: find it. npx lab check says why a claim fails.`)]),
      ...(shown === undefined ? (broken.length === 0 ? FINISHED : []) : [style('bold', shown.title)]),
    ]
    const below = [
      ...(verdicts?.status === 'pass' ? [style('green', 'This step holds. n goes on.')] : []),
      ...(shown !== undefined && verdicts?.status === 'fail' && held.has(shown.id) && brokenSince === undefined ? [style('red', 'This held before, and does not any more'), ...suspects(shown.id)] : []),
    ]
    const end = [
      ...told,
      style('dim', `in another terminal: npx lab shell ${nodes[0] ?? 'node1'}`),
      ...(page === undefined ? [] : [style('dim', `as a page: ${page.link}`)]),
      ['h hint', 'c check now', 'n next', 's shell', 'l lesson again', 'r reset', 'q quit'].map(key => `${style('bold', key.slice(0, 1))}${key.slice(1)}`).join('   '),
    ]
    // Somebody has broken it for a learner to find: what does not hold is said, and not why.
    let rows = panel.rows - panel.rowsOf([...above, ...below, ...end])
    const claims = (step: StepVerdicts | undefined, heading: readonly string[] = []): readonly string[] => {
      const lines = step === undefined ? [style('dim', judgedOnce ? '○ not judged yet: a step before it does not hold' : '○ being looked at …')]
        : claimsThatFit(step.verdicts, { width, rows: rows - panel.rowsOf(heading), colour, silent: brokenSince !== undefined })
      rows -= panel.rowsOf([...heading, ...lines])
      return [...heading, ...lines]
    }
    const shownClaims = shown === undefined ? [] : claims(verdicts)
    const regressed: string[] = []
    let suspected = ''
    for (const [index, step] of broken.entries()) {
      if (index > 0 && rows < LEAST_ROWS) {
        regressed.push(style('red', `… and ${broken.length - index} more of the steps that held before`))
        break
      }
      // The same commands may have undone several steps: once is enough.
      const after = suspects(step.id)
      regressed.push(...claims({ ...step, verdicts: step.verdicts.filter(({ verdict }) => verdict.status !== 'pass') },
        [brokenSince === undefined ? style('red', `${step.title}: this held before, and does not any more`) : style('bold', step.title), ...(after.join() === suspected ? [] : after)]))
      suspected = after.join()
    }
    panel.draw([...above, ...shownClaims, ...below, ...regressed, ...end])
  }
  /** `looking`: nothing was done, as far as is known. */
  const judge = async (looking = false): Promise<void> => {
    if (judging) {
      again ||= !looking
      return
    }
    judging = true
    const from = performance.now()
    let known = looking ? found : []
    do {
      again = false
      try {
        // What the learner is at is shown before what they have done already is looked at again.
        found = await judgeNow(session, { known, onPart: part => {
          found = [...found.filter(step => part.every(one => one.id !== step.id)), ...part]
          draw()
        } })
        const now = history(journal.events())
        held = now.completed
        since = now.commandsSince
        brokenSince = now.broken?.mended === false ? now.broken.since : undefined
      } catch (error) {
        told = [plain(error instanceof Error ? error.message : String(error))]
      }
      known = []
    } while (again)
    judging = false
    lookMs = performance.now() - from
    if (!judgedOnce) shownId = currentStep(loaded, found)?.id
    judgedOnce = true
    draw()
  }
  const nothing = (): void => {}
  const onEvent: Formatter<void> = {
    command: () => {
      told = []
      void judge()
      for (const timer of settling) clearTimeout(timer)
      settling = SETTLING_MS.map(ms => setTimeout(() => {
        if (!paused && found.some(step => step.status === 'fail')) void judge(true)
      }, ms))
    },
    started: () => {
      told = ['the nodes are new: a shell that was open has ended']
      void judge()
    },
    reset: () => {
      shownId = loaded.lesson.steps[0]?.id
      void judge()
    },
    went: ({ step }) => {
      shownId = step
      void judge()
    },
    stopped: () => ended.resolve(`${loaded.slug} was stopped`),
    broke: ({ at }) => {
      brokenSince = at
      told = []
      void judge()
    },
    mended: event => {
      brokenSince = undefined
      told = mendedLines(loaded, event).map((line, index) => style(index === 0 ? 'green' : 'reset', plain(line)))
      draw()
    },
    // What this terminal or its learner has just caused needs no second word; what broke is drawn from what is so now.
    regressed: nothing, judged: nothing, completed: nothing, hinted: nothing, answered: nothing, solved: () => void judge(),
  }
  const keys: Readonly<Record<string, () => void | Promise<void>>> = {
    q: () => ended.resolve(`${loaded.slug} still runs: \`npx lab start\` comes back to it, \`npx lab stop\` ends it`),
    c: async () => {
      shownId = currentStep(loaded, found)?.id
      await judge()
    },
    h: () => {
      const hint = nextHint(session, found)
      told = hint === undefined ? ['Every step holds: no hint is needed.'] : wrap(`hint ${hint.number} of ${hint.of}: ${hint.text}`, Math.min(panel.width, 100)).map(line => style('yellow', line))
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
    l: () => {
      printedId = undefined
      draw()
    },
    s: async () => {
      paused = true
      panel.clear()
      listen(false)
      await shellIn(session, nodes[0] ?? '').catch((error: unknown) => { told = [plain(error instanceof Error ? error.message : String(error))] })
      listen(true)
      paused = false
      await judge()
    },
    r: async () => {
      told = ['fresh nodes …']
      draw()
      await startAfresh(session, { say: nothing }, follower.signal)
    },
  }
  const onKey = (_: string | undefined, key: { readonly name?: string; readonly ctrl?: boolean }): void => {
    const work = key.ctrl && (key.name === 'c' || key.name === 'd') ? keys['q'] : keys[key.name ?? '']
    void Promise.resolve(work?.()).catch((error: unknown) => {
      told = [plain(error instanceof Error ? error.message : String(error))]
      draw()
    })
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
  journal.follow(event => format(onEvent, event), follower.signal)
  let poll: NodeJS.Timeout | undefined
  let polling = true
  const lookNowAndThen = (): void => {
    if (polling) poll = setTimeout(() => { void (paused ? Promise.resolve() : judge(true)).then(lookNowAndThen) }, Math.max(POLL_MS, lookMs / POLL_SHARE))
  }
  lookNowAndThen()
  const onSignal = (): void => ended.resolve('')
  for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, onSignal)
  try {
    // Whoever comes can read while the first look is under way, which may take seconds; whoever goes does not wait for it to end.
    const { completed, given } = history(journal.events())
    shownId = loaded.lesson.steps.find(({ id }) => !completed.has(id) && !given.has(id))?.id
    draw()
    await Promise.race([judge(), ended.promise])
    if (!quitting) {
      // The same lab as a page, for as long as somebody watches it here; this terminal judges for both.
      const { serveLab } = await import('./commands/serve.ts')
      page = await serveLab(session, undefined, false)
      draw()
    }
    const said = await ended.promise
    over = true
    panel.clear()
    process.stdout.write(`${said}\n`)
  } finally {
    over = true
    clearTimeout(poll)
    polling = false
    for (const timer of settling) clearTimeout(timer)
    follower.abort()
    await page?.close()
    listen(false)
    process.stdin.setRawMode(false)
    process.stdin.pause()
    process.stdout.off('resize', draw)
  }
  // A look that is still under way is nobody's any more: its commands end with this process.
  return judging ? process.exit(0) : 0
}

const FINISHED: readonly string[] = [
  'Every step of this lab holds.', 'Before you go: can you say, without looking it up, why each of them does?',
  'npx lab list shows the next lab; npx lab stop ends this one.',
]

function cut(text: string, width: number): string {
  const [line = ''] = text.split('\n')
  return line.length > width || line.length < text.length ? `${line.slice(0, width - 2)} …` : line
}

/** Lines at the bottom of a terminal that are drawn over themselves, and only when they differ. */
class Panel {
  readonly #stream: NodeJS.WriteStream
  #lines: readonly string[] = []
  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  get width(): number {
    return this.#stream.columns || 80
  }

  /** As many as can be drawn over: the cursor is below them. */
  get rows(): number {
    return (this.#stream.rows || 24) - 1
  }

  rowsOf(lines: readonly string[]): number {
    return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / this.width)), 0)
  }

  draw(lines: readonly string[]): void {
    if (lines.join('\n') === this.#lines.join('\n')) return
    this.clear()
    this.#stream.write(`${lines.join('\n')}\n`)
    this.#lines = lines
  }

  clear(): void {
    const rows = this.rowsOf(this.#lines)
    // What has scrolled out of sight can't be drawn over.
    if (rows > 0) this.#stream.write(`\x1b[${Math.min(rows, this.rows)}A\r\x1b[J`)
    this.#lines = []
  }
}
