// What a container runtime does with CNI: it finds the network's configuration, and calls the plugins that it names.
// https://github.com/containernetworking/cni/blob/main/SPEC.md, sections 2 and 3.
import { randomBytes } from 'node:crypto'
import type { Bench, Place } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { CouldNotLook, fail, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { NotCni, readError, readNetwork, readResult, type JsonObject, type Network, type Plugin, type Result } from './read/cni.ts'
import { restarted, type Restarted } from './restarted.ts'
import { unable } from './tool.ts'

const CONFIGURATIONS = '/etc/cni/net.d'
const PROGRAMS = '/opt/cni/bin'
/** Who is slower than that cannot be judged. */
const LONGEST_MS = 15_000

export type Verb = 'ADD' | 'DEL' | 'CHECK' | 'STATUS' | 'GC' | 'VERSION'

export interface Configured {
  readonly network: Network
  readonly file: string
  readonly evidence: NonEmpty<Evidence>
}

export interface Because {
  readonly because: string
  readonly evidence: NonEmpty<Evidence>
}

/** A pod that a plugin is asked to join, or was. */
export interface Attachment {
  readonly id: string
  /** The path of its namespace; undefined where that is gone. */
  readonly netns: string | undefined
  readonly ifname: string
  /** Which pod of Kubernetes that is; most plugins do not care. */
  readonly pod?: { readonly namespace: string; readonly name: string }
}

/** One plugin, called once. */
export interface Called {
  readonly plugin: Plugin
  readonly verb: string
  readonly ok: boolean
  readonly stdout: string
  readonly evidence: Evidence
}

/** The first configuration by name, as every runtime takes it; and that its plugins are there to be run. */
export async function configured(place: Place): Promise<Configured | Because> {
  // What is not there is no mistake of `ls`.
  const listed = await place.exec(['sh', '-c', `cd ${CONFIGURATIONS} 2>/dev/null && ls -A; exit 0`], { timeoutMs: LONGEST_MS })
  if (listed.exitCode !== 0) throw unable(listed)
  const [name] = listed.stdout.split('\n').filter(one => /\.(conf|conflist|json)$/.test(one)).toSorted()
  if (name === undefined) {
    const others = listed.stdout.split('\n').filter(Boolean)
    return { because: `${CONFIGURATIONS} ${others.length === 0 ? 'has no configuration' : `has ${list(others)}, and nothing that ends in .conflist or .conf`}`, evidence: [listed] }
  }
  const file = `${CONFIGURATIONS}/${name}`
  const shown = await place.exec(['cat', '--', file])
  if (shown.exitCode !== 0) return { because: `${file} cannot be read: ${shown.stderr.trim()}`, evidence: [shown] }
  const network = tried(() => readNetwork(shown.stdout))
  if ('because' in network) return { because: `${file} ${network.because}`, evidence: [shown, listed] }
  for (const { type } of network.plugins) {
    const there = await place.exec(['sh', '-c', 'test -e "$1" || echo none; test -f "$1" && test -x "$1" || echo no program', 'sh', `${PROGRAMS}/${type}`])
    const [problem] = there.stdout.split('\n')
    if (problem === 'none') return { because: `${file} names the plugin ${type}, and there is no ${PROGRAMS}/${type}`, evidence: [shown, there] }
    if (problem !== '') return { because: `${PROGRAMS}/${type} is there, and cannot be run: \`ls -l ${PROGRAMS}/${type}\``, evidence: [shown, there] }
  }
  return { network, file, evidence: [shown, listed] }
}

/** A pod that no look before this one has seen. */
export function attachment(): Attachment & { readonly name: string; readonly netns: string } {
  const name = `pod-${randomBytes(4).toString('hex')}`
  return { name, id: randomBytes(16).toString('hex'), netns: `/run/netns/${name}`, ifname: `net${randomBytes(3).toString('hex')}` }
}

export interface Call {
  readonly verb: string
  readonly of?: Attachment
  readonly prevResult?: JsonObject | undefined
  /** Besides what the configuration has. */
  readonly more?: JsonObject
  /** Instead of all that is on standard input. */
  readonly stdin?: string
  /** Left out of the environment. */
  readonly without?: string
}

/** As section 3 derives what one plugin is told. */
export async function call(place: Place, network: Network, plugin: Plugin, { verb, of, prevResult, more = {}, stdin, without }: Call): Promise<Called> {
  const { capabilities: _, ...config } = plugin.config
  const told = { ...config, name: network.name, cniVersion: network.cniVersion, ...(prevResult === undefined ? {} : { prevResult }), ...more }
  const environment = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', CNI_COMMAND: verb, CNI_PATH: PROGRAMS,
    ...(of === undefined ? {} : { CNI_CONTAINERID: of.id, CNI_IFNAME: of.ifname, ...(of.netns === undefined ? {} : { CNI_NETNS: of.netns }) }),
    // As containerd says it.
    ...(of?.pod === undefined ? {} : { CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${of.pod.namespace};K8S_POD_NAME=${of.pod.name};K8S_POD_INFRA_CONTAINER_ID=${of.id}` }),
  }
  const given = Object.entries(environment).filter(([name]) => name !== without).map(([name, value]) => `${name}=${value}`)
  const evidence = await place.exec(['env', '-i', ...given, `${PROGRAMS}/${plugin.type}`], { stdin: stdin ?? JSON.stringify(told), timeoutMs: LONGEST_MS })
  // It may be the plugin that waits for something, or a machine that is busy: nobody can tell.
  if (evidence.exitCode === undefined) throw new CouldNotLook(`${plugin.type} did not end within ${LONGEST_MS / 1000} s after ${verb}`, evidence)
  return { plugin, verb, ok: evidence.exitCode === 0, stdout: evidence.stdout, evidence }
}

export interface Added {
  readonly result: Result
  /** What each plugin printed. */
  readonly each: NonEmpty<Result>
  readonly evidence: NonEmpty<Evidence>
}

/** One after another, each told what the one before it printed. */
export async function add(place: Place, network: Network, of: Attachment): Promise<Added | Refused> {
  const each: Result[] = []
  const evidence: Evidence[] = []
  for (const plugin of network.plugins) {
    const called = await call(place, network, plugin, { verb: 'ADD', of, prevResult: each.at(-1)?.json })
    evidence.push(called.evidence)
    if (!called.ok) return refused(called, [called.evidence])
    const result = tried(() => readResult(called.stdout, network.cniVersion))
    if ('because' in result) return { because: `what ${plugin.type} prints after ADD ${result.because}`, proper: false, evidence: [called.evidence] }
    each.push(result)
  }
  const [first, ...rest] = each
  const [seen, ...more] = evidence
  if (first === undefined || seen === undefined) throw new Error('the network has no plugin')
  return { result: rest.at(-1) ?? first, each: [first, ...rest], evidence: [seen, ...more] }
}

export interface Refused extends Because {
  /** It said so with an error as the specification has it. */
  readonly proper: boolean
}

/** A plugin that ended with another number than 0. */
export function refused({ plugin, verb, stdout, evidence: { exitCode, stderr } }: Called, evidence: NonEmpty<Evidence>): Refused {
  const error = tried(() => readError(stdout))
  if (!('because' in error)) return { because: `${plugin.type} refuses ${verb}, with code ${error.code}: ${error.msg.slice(0, 200)}`, proper: true, evidence }
  const said = stderr.trim().split('\n').at(-1)?.slice(0, 160) ?? ''
  return { because: `${plugin.type} ended with ${exitCode} after ${verb}${said === '' ? '' : ` (${said})`}, and its standard output ${error.because}: expected an error with \`code\` and \`msg\``, proper: false, evidence }
}

/** DEL, CHECK: all plugins, each told the final result. Undefined: all of them are content. */
export async function callAll(place: Place, network: Network, verb: 'DEL' | 'CHECK', of: Attachment, prevResult: JsonObject | undefined): Promise<Refused | undefined> {
  for (const plugin of verb === 'DEL' ? network.plugins.toReversed() : network.plugins) {
    const called = await call(place, network, plugin, { verb, of, prevResult })
    if (!called.ok) return refused(called, [called.evidence])
  }
  return undefined
}

/** What a reader throws, as a sentence. */
export function tried<T>(read: () => T): T | { readonly because: string } {
  try {
    return read()
  } catch (error) {
    if (error instanceof NotCni) return { because: error.message }
    throw error
  }
}

/** The node's network and its plugins, on the node as it would be after a restart: what they do is done to nobody. */
export async function withNetwork(bench: Bench, node: string, work: (network: Network, at: Restarted) => Promise<Verdict>): Promise<Verdict> {
  const found = await configured(bench.place(node))
  if ('because' in found) return fail(found.because, ...found.evidence)
  return restarted(bench, node, at => work(found.network, at))
}
