// The live page of the running lab: puts the engine behind the server of site/.
import { randomInt } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Event } from '../../core/events.ts'
import { Usage } from '../../core/mistake.ts'
import type { Observed } from '../../core/observed.ts'
import type { Trace } from '../../core/trace.ts'
import { breakLab } from '../../engine/break.ts'
import { observe } from '../../engine/observe/index.ts'
import { Journal } from '../../engine/journal.ts'
import { benchOf, findStep, gradeAnswer, judgeNow, startAfresh, stepsOf, type Session } from '../../engine/session.ts'
import { graphOf, type Graph } from '../../../site/draw/graph.ts'
import { idsOf, svgOf } from '../../../site/draw/svg.ts'
import type { Act, News, Said } from '../../../site/live/protocol.ts'
import { listen, type Identity, type Listening, type LivePage } from '../../../site/live/server.ts'
import { placeClass } from '../../../site/places.ts'
import { root, session } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { plain, remark, result } from '../print.ts'
import { openPty } from '../terminal.ts'
import { clock, mendedLines } from '../mending.ts'
import { SEEDS } from './break.ts'
import { nextHint } from './hint.ts'
import { readIdentity, writeIdentity } from '../page-identity.ts'
import { findNode, shellArgv } from './shell.ts'
import { probeBetween } from './trace.ts'

/** Until it is interrupted, or the lab is stopped. */
export async function serve(options: { readonly port?: string }): Promise<number> {
  const port = options.port === undefined ? undefined : Number(options.port)
  if (port !== undefined && (!Number.isInteger(port) || port < 1 || port > 65_535)) throw new Usage(`--port takes a number from 1 to 65535, and got ${JSON.stringify(options.port)}`)
  const at = await session()
  const page = await serveLab(at, port, true)
  result(page.link)
  remark('anybody on this machine who has this link can type into the nodes; Ctrl-C ends it')
  const over = new AbortController()
  try {
    await interruptible(signal => new Promise<void>(resolve => {
      signal.addEventListener('abort', () => resolve(), { once: true })
      new Journal(at.home, at.loaded.slug).follow(event => { if (event.kind === 'stopped') resolve() }, over.signal)
    }))
  } finally {
    over.abort()
    await page.close()
  }
  return 0
}

/** `judging`: whether nobody else judges after each command. What is heavy is loaded by who opens the page. */
export async function serveLab(at: Session, port: number | undefined, judging: boolean): Promise<Listening> {
  let page: Promise<string> | undefined
  const room = new Room(at, judging)
  const live: LivePage = {
    page: () => page ??= pageOf(at),
    follow: (tell, signal) => room.follow(tell, signal),
    act: act => room.act(act),
    open: (place, size, events) => room.open(place, size, events),
  }
  const listening = await listenAgain(at, live, port)
  return {
    ...listening,
    close: async () => {
      room.close()
      await listening.close()
    },
  }
}

/** With the link that the lab had before, so that a page that is open finds its new server. */
async function listenAgain({ home, loaded }: Session, live: LivePage, port: number | undefined): Promise<Listening> {
  const remembered = readIdentity(home, loaded.slug)
  const wanted: Partial<Identity> = { ...remembered, ...(port === undefined ? {} : { port }) }
  try {
    const listening = await listen(live, wanted)
    writeIdentity(home, loaded.slug, listening.identity)
    return listening
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    if (port !== undefined) throw new Usage(`port ${port} of 127.0.0.1 is somebody's: name another, or leave --port out`)
    // Another terminal has this lab's page already: one more, by a link of its own.
    return listen(live)
  }
}

async function pageOf({ loaded }: Session): Promise<string> {
  const [{ livePage }, { makeHighlight }, { parseGlossary }] = await Promise.all([import('../../../site/live/page.ts'), import('../../../site/highlight.ts'), import('../../../site/glossary.ts')])
  const glossary = join(root, 'labs/glossary.md')
  const terms = existsSync(glossary) ? parseGlossary(readFileSync(glossary, 'utf8'), 'labs/glossary.md') : []
  return livePage({ slug: loaded.slug, lesson: loaded.lesson, lab: loaded.lab, topology: loaded.topology }, terms, await makeHighlight())
}

const POLL_MS = 4_000
/** After a command, what does not hold yet is looked at again. */
const SETTLING_MS = [300, 600, 1_200]
/** How long what has just changed stands out. */
const FRESH_MS = 6_000

/** Happenings after which the network may be another. */
const CHANGES: ReadonlySet<Event['kind']> = new Set(['command', 'solved', 'started', 'reset', 'went'])

/** One lab, whoever looks at it. */
class Room {
  readonly #at: Session
  readonly #journal: Journal
  readonly #listeners = new Set<(news: News) => void>()
  readonly #ended = new AbortController()
  readonly #judging: boolean
  readonly #terminals = new Set<{ close(): void }>()
  #busy: Promise<void> | undefined
  #again = false
  #network: Extract<News, { kind: 'network' }> | undefined
  #ids: ReadonlySet<string> | undefined
  #changed = new Map<string, number>()
  #trace: Trace | undefined

  constructor(at: Session, judging: boolean) {
    this.#at = at
    this.#judging = judging
    this.#journal = new Journal(at.home, at.loaded.slug)
    this.#journal.follow(event => {
      this.#tell({ kind: 'event', event })
      if (CHANGES.has(event.kind)) {
        // It was true of what was there before.
        this.#trace = undefined
        this.#look()
      } else if (event.kind === 'mended') this.#tell({ kind: 'said', said: { ok: true, text: mendedLines(at.loaded, event).join('\n') } })
      else if (event.kind === 'stopped') this.close()
    }, this.#ended.signal)
    const poll = setInterval(() => { if (this.#listeners.size > 0) void this.#now() }, POLL_MS)
    this.#ended.signal.addEventListener('abort', () => clearInterval(poll), { once: true })
  }

  follow(tell: (news: News) => void, signal: AbortSignal): void {
    const { loaded, provider } = this.#at
    tell({
      kind: 'hello', events: this.#journal.events(),
      hello: {
        lab: loaded.slug, title: loaded.lesson.title, provider: provider.name,
        steps: stepsOf(loaded).map(({ text, step }) => ({ id: text.id, title: text.title, claims: step.checks.map(({ claim }) => claim) })),
        nodes: loaded.topology.nodes.map(({ name }) => ({ name, colour: placeClass(loaded.topology, name) })),
      },
    })
    if (this.#network !== undefined) tell(this.#network)
    this.#listeners.add(tell)
    signal.addEventListener('abort', () => this.#listeners.delete(tell), { once: true })
    this.#look()
  }

  async act(act: Act): Promise<Said> {
    try {
      return await this.#do(act)
    } catch (error) {
      return { ok: false, text: error instanceof Error ? error.message : String(error) }
    }
  }

  async #do(act: Act): Promise<Said> {
    const at = this.#at
    switch (act.act) {
      case 'hint': {
        const hint = nextHint(at, await judgeNow(at))
        return { ok: true, text: hint === undefined ? 'Every step holds: no hint is needed.' : hint.of === 0 ? hint.text : `Hint ${hint.number} of ${hint.of}: ${hint.text}` }
      }
      case 'answer': {
        const verdict = await gradeAnswer(at, act.name, act.value)
        if (verdict === undefined) return { ok: false, text: `nothing is asked that is called ${act.name}` }
        return verdict.status === 'pass' ? { ok: true, text: '✓ That is right.' } : { ok: false, text: verdict.because }
      }
      case 'goto': case 'reset': {
        const step = act.act === 'goto' ? findStep(at.loaded, act.step).id : undefined
        await startAfresh(at, { say: () => {} }, this.#ended.signal, step)
        return { ok: true, text: 'The nodes are new. Shells that were open have ended.' }
      }
      case 'break': {
        const broke = await breakLab(at, randomInt(SEEDS), this.#ended.signal)
        if (broke.kind === 'already') return { ok: false, text: `Something is broken since ${clock(broke.since)} already: find it first.` }
        if (broke.kind === 'unfinished') return { ok: false, text: `Only a finished lab can be broken, and this does not hold yet: ${broke.steps.map(({ title }) => title).join(', ')}.` }
        return { ok: true, text: 'Something is broken now. Find it, and mend it.' }
      }
      case 'trace': {
        const bench = await benchOf(at)
        const probe = await probeBetween(bench, at.loaded.slug, act.from, act.to, { protocol: 'icmp' })
        this.#trace = await bench.trace?.(probe)
        await this.#draw()
        const cause = this.#trace?.cause
        return cause === undefined ? { ok: true, text: `${this.#trace?.from.name} reaches ${this.#trace?.to.name}; the drawing shows the way there and back.` }
          : { ok: false, text: [cause.sentence, ...cause.evidence].join('\n') }
      }
    }
  }

  async open(place: string, size: { readonly columns: number; readonly rows: number }, events: Parameters<LivePage['open']>[2]): ReturnType<LivePage['open']> {
    const node = findNode(await this.#at.provider.nodes(this.#at.loaded.slug), place)
    const pty = await openPty(node, shellArgv(node, place), { cols: size.columns, rows: size.rows }, ({ exitCode, text }) => this.#journal.write({ kind: 'command', place, text, exitCode }))
    this.#terminals.add(pty)
    pty.onData(events.onData)
    void pty.ended.then(() => {
      this.#terminals.delete(pty)
      events.onEnd()
    })
    return { write: text => pty.write(text), resize: (columns, rows) => pty.resize({ cols: columns, rows }), close: () => pty.close() }
  }

  close(): void {
    this.#tell({ kind: 'gone', because: 'The lab was stopped, and its shells with it.' })
    this.#ended.abort()
    for (const terminal of this.#terminals) terminal.close()
  }

  #tell(news: News): void {
    for (const listener of this.#listeners) listener(news)
  }

  #look(): void {
    for (const ms of [0, ...SETTLING_MS]) {
      const timer = setTimeout(() => void this.#now(), ms)
      this.#ended.signal.addEventListener('abort', () => clearTimeout(timer), { once: true })
    }
  }

  /** Judges, and draws; whoever asks while that is done has it done once more. */
  async #now(): Promise<void> {
    this.#again = true
    this.#busy ??= (async () => {
      while (this.#again && !this.#ended.signal.aborted) {
        this.#again = false
        try {
          // What is there is drawn while it is judged, which takes longer.
          await Promise.all([this.#judging ? judgeNow(this.#at) : undefined, this.#draw()])
        } catch (error) {
          // A lab that has just been stopped cannot be looked at, and says so itself.
          if (!this.#ended.signal.aborted) this.#tell({ kind: 'gone', because: error instanceof Error ? error.message : String(error) })
        }
      }
    })().finally(() => { this.#busy = undefined })
    await this.#busy
  }

  async #draw(): Promise<void> {
    // Nobody looks.
    if (this.#listeners.size === 0) return
    const { loaded, provider } = this.#at
    const { layoutOf } = await import('../../../site/draw/layout.ts')
    const observed = await observe(await provider.nodes(loaded.slug), loaded.topology)
    const graph = graphOf(observed, loaded.topology.segments.map(({ name }) => name))
    const svg = svgOf(graph, await layoutOf(graph), {
      colour: node => placeClass(loaded.topology, node), fresh: this.#freshIn(graph), title: titleOf(observed), ...(this.#trace === undefined ? {} : { trace: this.#trace }),
    }).text
    const places = observed.nodes.flatMap(({ namespaces }) => namespaces.filter(({ own, named }) => own || named !== undefined).map(({ place }) => place))
    if (svg === this.#network?.svg && places.join(' ') === this.#network.places.join(' ')) return
    this.#network = { kind: 'network', svg, places }
    this.#tell(this.#network)
  }

  /** What was not there the last time, for a few seconds; at first nothing is new. */
  #freshIn(graph: Graph): ReadonlySet<string> {
    const now = Date.now()
    const ids = idsOf(graph)
    for (const id of ids) if (this.#ids !== undefined && !this.#ids.has(id)) this.#changed.set(id, now)
    this.#ids = ids
    for (const [id, at] of this.#changed) if (now - at > FRESH_MS) this.#changed.delete(id)
    return new Set(this.#changed.keys())
  }
}

function titleOf({ nodes }: Observed): string {
  return plain(`The network: ${nodes.map(({ name, namespaces }) => `${name} with ${namespaces.length - 1} other namespaces`).join(', ')}`)
}
