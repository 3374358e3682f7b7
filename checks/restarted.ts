// A node as it would be after a restart: what a program does there is seen, and done to nobody.
import type { Bench, Place } from '../runner/core/bench.ts'
import { Lines } from '../runner/core/lines.ts'
import { LONGEST_MS } from '../runner/core/running.ts'
import { CouldNotLook, type Evidence } from '../runner/core/verdict.ts'

const TOOL = '/usr/local/lib/hardway/restarted'
const DEADLINE_MS = 10_000

export interface Restarted {
  /** The node's files, and a network of its own: eth0, and those interfaces to which the topology gives no address. */
  readonly place: Place
  /** The address of eth0. */
  readonly address: string
  /** Makes network namespaces, as a runtime makes them for pods: the loopback is up, and there is nothing else. */
  pods(...names: readonly string[]): Promise<void>
  /** Ends them. */
  end(...names: readonly string[]): Promise<void>
  /** Where a frame to everybody comes out that is sent from one of that namespace's interfaces; with what sent it. */
  heard(name: string): Promise<{ readonly frames: readonly Heard[]; readonly evidence: Evidence }>
}

export interface Heard {
  readonly from: string
  readonly mac: string
  /** The interface of the node whose cable it was. */
  readonly cable: string
}

interface Done {
  readonly exitCode: number | undefined
  readonly stdout: string
  readonly stderr: string
}

/** It is gone when the work is done. */
export async function restarted<T>(bench: Bench, node: string, work: (node: Restarted) => Promise<T>): Promise<T> {
  const own = bench.place(node)
  const name = `${node}, restarted`
  const interfaces = bench.topology.nodes.find(one => one.name === node)?.interfaces ?? []
  const held = interfaces.find(({ address }) => address !== undefined)?.address
  const cables = interfaces.filter(({ address }) => address === undefined).map(one => one.name)
  if (held === undefined) throw new Error(`the topology gives ${node} no address`)
  const input = new Lines()
  const ready = Promise.withResolvers<string>()
  const asked = new Map<string, PromiseWithResolvers<Done>>()
  let piece = ''
  let said = ''
  const ended = own.exec([TOOL, held, ...cables], {
    stdin: input, timeoutMs: LONGEST_MS, maxBytes: 1 << 10,
    onStdout: text => {
      const lines = (piece + text).split('\n')
      piece = lines.pop() ?? ''
      for (const line of lines) {
        const [word, id = '', code, stdout, stderr] = line.split(' ')
        if (word === 'ready') ready.resolve(id)
        else asked.get(id)?.resolve({ exitCode: code === '-' ? undefined : Number(code), stdout: fromHex(stdout), stderr: fromHex(stderr) })
      }
    },
    onStderr: text => { said += text },
  })
  const gone = ended.then(evidence => { throw new CouldNotLook(`${name}: it is gone${said === '' ? '' : `: ${said.trim().split('\n')[0]}`}`, evidence) })
  gone.catch(() => {})

  /** As if it were run in that place; the tool does it without starting anything else. */
  const ask = async (verb: string, words: readonly string[], argv: readonly string[]): Promise<Evidence> => {
    const started = performance.now()
    const id = String(asked.size)
    const done = Promise.withResolvers<Done>()
    asked.set(id, done)
    input.push(`${[verb, id, ...words].join(' ')}\n`)
    return { place: name, argv, ...await Promise.race([done.promise, gone]), ms: Math.round(performance.now() - started) }
  }
  const insist = async (verb: 'pods' | 'end', names: readonly string[]): Promise<void> => {
    const done = await ask(verb, names, ['ip', 'netns', verb === 'pods' ? 'add' : 'del', ...names])
    if (done.exitCode !== 0) throw new CouldNotLook(`${name}: ${verb === 'pods' ? 'no network namespace could be made' : 'a network namespace could not be ended'}: ${done.stderr}`, done)
  }
  try {
    const pid = await Promise.race([ready.promise, gone])
    const place: Place = {
      name,
      exec: async (argv, options = {}) => {
        const { stdin = '', timeoutMs = DEADLINE_MS, signal, onStdout, onStderr } = options
        if (typeof stdin === 'string' && (signal ?? onStdout ?? onStderr) === undefined) return ask('run', [String(timeoutMs), toHex(stdin), ...argv.map(toHex)], argv)
        return { ...await own.exec(['nsenter', '-t', pid, '--net', '--mount', '--pid', '--', ...argv], options), place: name, argv }
      },
    }
    return await work({
      place, address: held.split('/')[0] ?? '',
      pods: (...names) => insist('pods', names),
      end: (...names) => insist('end', names),
      heard: async of => {
        const evidence = await ask('heard', [of], [TOOL, 'heard', of])
        if (evidence.exitCode !== 0) throw new CouldNotLook(`${name}: nothing could be sent from ${of}: ${evidence.stderr}`, evidence)
        return { frames: evidence.stdout.split('\n').filter(Boolean).map(readHeard), evidence }
      },
    })
  } finally {
    input.end()
    await ended
  }
}

function readHeard(line: string): Heard {
  const [from = '', mac = '', cable = ''] = line.split(' ')
  return { from, mac, cable }
}

function toHex(text: string): string {
  return Buffer.from(text).toString('hex')
}

function fromHex(text = ''): string {
  return Buffer.from(text, 'hex').toString()
}
