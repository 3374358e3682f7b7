// Asks the API of the lab's cluster, as its administrator would: from the machine of the control plane, with the certificate that
// is there, and believing nobody whom the cluster's own authority has not signed.
import type { Bench } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import type { Missing } from './ends.ts'
import { inTime, type SocketAddress } from './in-time.ts'
import { onceALook } from './once.ts'
import { readApi, type Got } from './read/api.ts'
import { record, records, text, type Json } from './read/json.ts'
import { readFrom } from './tool.ts'

/** Where the control plane is, and its files. */
export const SERVER = 'server'
export const PKI = '/etc/kubernetes/pki'
/** Where the API server listens, for who is on its machine. */
export const API: SocketAddress = ['127.0.0.1', 6443]
export const API_URL = `https://${API.join(':')}`
const ANSWER_S = 8

export interface Asked {
  readonly got: readonly Got[]
  readonly evidence: Evidence
}

const once = onceALook<Asked | Missing>()

/** What is at these paths, in their order; or why nobody says. Each look asks for the same once. Throws CouldNotLook where the server is busy. */
export function askApi(bench: Bench, ...paths: NonEmpty<string>): Promise<Asked | Missing> {
  return once(bench, paths.join(' '), async () => {
    const evidence = await bench.place(SERVER).exec([
      'curl', '-sS', '--fail-early', '--max-time', String(ANSWER_S), ...as('admin'), '--write-out', '\\n== %{http_code}\\n', ...paths.map(path => `${API_URL}${path}`),
    ], { maxBytes: 8 << 20 })
    if (evidence.exitCode !== 0) return unanswered(bench, evidence)
    const got = readFrom(evidence, readApi)
    if (got.length !== paths.length) throw new CouldNotLook(`curl has ${got.length} answers to ${paths.length} questions`, evidence)
    if (got.some(({ code }) => code === 401)) return { because: `the API server does not take the bearer of ${PKI}/admin.crt for anybody it knows`, evidence: [evidence] }
    // Others whom it asks refuse in their own words, which are no JSON.
    const refused = got.find(({ code, body }) => code === 403 && typeof body !== 'string')
    if (refused !== undefined) return { because: `the API server refuses the bearer of ${PKI}/admin.crt: ${messageOf(refused.body)}`, evidence: [evidence] }
    return { got, evidence }
  })
}

/** The one object at a path; or why there is none. */
export async function objectAt(bench: Bench, path: string, name: string): Promise<{ readonly object: Json; readonly evidence: Evidence } | Missing> {
  const asked = await askApi(bench, path)
  if ('because' in asked) return asked
  const [got] = asked.got
  if (got?.code === 404) return { because: `the API has no ${name}`, evidence: [asked.evidence] }
  if (got?.code !== 200) return { because: `the API does not show ${name}: ${messageOf(got?.body)}`, evidence: [asked.evidence] }
  return { object: record(got.body), evidence: asked.evidence }
}

/** All of a kind; or why nobody says. */
export async function listAt(bench: Bench, path: string): Promise<{ readonly items: readonly Json[]; readonly evidence: Evidence } | Missing> {
  const found = await objectAt(bench, path, path)
  return 'because' in found ? found : { items: readFrom({ ...found.evidence }, () => records(found.object.items)), evidence: found.evidence }
}

const NODES = '/api/v1/nodes'

/** What is made of each of these Nodes, in their order; or of which nothing can be. */
export async function ofNodes<T extends object>(
  bench: Bench, names: readonly string[], make: (node: Json, name: string, evidence: Evidence) => T | Missing | Promise<T | Missing>,
): Promise<{ readonly all: readonly T[]; readonly evidence: Evidence } | Missing> {
  const listed = await listAt(bench, NODES)
  if ('because' in listed) return listed
  const all: T[] = []
  for (const name of names) {
    const node = listed.items.find(one => record(one.metadata).name === name)
    if (node === undefined) return { because: `the API has no Node ${name}`, evidence: [listed.evidence] }
    const made = await make(node, name, listed.evidence)
    if ('because' in made) return made
    all.push(made)
  }
  return { all, evidence: listed.evidence }
}

/** What the kubelet of each of these nodes says at a path of its own, asked by the API server; or why that asks nobody. */
export async function askKubelets(bench: Bench, nodes: NonEmpty<string>, path: string): Promise<{ readonly said: readonly (Got & { readonly node: string })[]; readonly evidence: Evidence } | Missing> {
  const at = (node: string): string => `${NODES}/${node}/proxy${path}`
  const [first, ...rest] = nodes
  const asked = await askApi(bench, at(first), ...rest.map(at))
  if ('because' in asked) return asked
  return { said: asked.got.map((got, index) => ({ ...got, node: nodes[index] ?? '' })), evidence: asked.evidence }
}

/** Where a node's kubelet listens. */
export function kubeletOf({ topology }: Bench, node: string): SocketAddress {
  return [topology.nodes.find(({ name }) => name === node)?.interfaces[0]?.address?.split('/')[0] ?? '', 10250]
}

/** curl's arguments for whoever has that certificate. */
export function as(who: string): readonly string[] {
  return ['--cacert', `${PKI}/ca.crt`, '--cert', `${PKI}/${who}.crt`, '--key', `${PKI}/${who}.key`]
}

export function messageOf(body: unknown): string {
  return (typeof body === 'string' ? body : text(record(body).message))?.slice(0, 300) || 'it does not say why'
}

async function unanswered(bench: Bench, evidence: Evidence): Promise<Missing> {
  await inTime(bench.place(SERVER), evidence, API)
  const log = await lastWords(bench, SERVER, 'kube-apiserver')
  return { because: `the API server does not answer: ${curlSays(evidence)}${log.words === '' ? '' : `; its log ends with: ${log.words}`}`, evidence: [evidence, log.evidence] }
}

/** Without the number that curl puts in front of it. */
export function curlSays({ stderr }: Evidence): string {
  return stderr.trim().split('\n')[0]?.replace(/^curl: \(\d+\) /, '').slice(0, 200) || 'it says nothing'
}

/** The last line of a component's log that matches, without time and place. Empty: there is none. */
export async function lastWords(bench: Bench, node: string, component: string, about = '.'): Promise<{ readonly words: string; readonly evidence: Evidence }> {
  const evidence = await bench.place(node).exec(['sh', '-c', 'grep -aE -- "$2" "/var/log/$1.log" 2>/dev/null | tail -n 1', 'sh', component, about])
  return { words: said(evidence.stdout), evidence }
}

/** `E1121 11:33:05.8  71 cni.go:6] "No" err="…"` and `time="…" level=error msg="…"` are written so for machines. */
export function said(line: string): string {
  const inner = /^time="[^"]*" level=\w+ msg="((?:[^"\\]|\\.)*)"(?: error="((?:[^"\\]|\\.)*)")?/.exec(line)
  const plain = inner === null ? line.replace(/^[IWEF]\d{4} [\d:.]+ +\d+ [^\]]*\] /, '') : [inner[1], inner[2]].filter(Boolean).join(': ')
  return plain.replaceAll('\\"', '"').trim().slice(0, 400)
}
