import type { Bench, Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Verdict } from '../runner/core/verdict.ts'
import { asking, type Question, type Reply } from './asking.ts'
import { allNamespaces, endsOf, type NamedEnd } from './ends.ts'
import { anyOf, holds, listenersOf, say, type Asked, type Ends, type NodePort } from './node-port.ts'
import { translation } from './translation.ts'

export interface ByNodePort {
  /** And whoever answers sees the client's own address. */
  readonly keepingAddress?: boolean
  /**
   * Connections from each, one after another from a port of its own. Default: one. Of 20, somebody who is let choose among two
   * gets not one with a chance of 2⁻²⁰, under one in a million.
   */
  readonly times?: number
}

/** `ext reaches exporter by port 31175 of node1, node2 and node3`: by TCP, and it is the pod that answers. */
export function nodePortReaches(from: Ends, nodes: Ends, service: NodePort, { keepingAddress = false, times = 1 }: ByNodePort = {}): Check {
  const [clients, asked, pods] = [endsOf(from), endsOf(nodes), endsOf(service.pods)]
  const seen = keepingAddress ? `, and ${clients.length === 1 ? 'is seen as itself' : 'are seen as themselves'}` : ''
  return {
    claim: `${list(clients.map(end => end.name))} ${clients.length === 1 ? 'reaches' : 'reach'} ${anyOf(pods)} by port ${service.port} of ${list(asked.map(end => end.name))}${times > 1 ? `, ${times} times of ${times}` : ''}${seen}`,
    look: bench => look(bench, clients, asked, service, keepingAddress, times),
  }
}

/** `red reaches web2 or web3 by port 30080 of node1, and so do …`: each by the node that it is on. */
export function ownNodePortReaches(pairs: readonly { readonly from: Ends; readonly node: Ends }[], service: NodePort, { times = 1 }: Pick<ByNodePort, 'times'> = {}): Check {
  const asked = pairs.map(({ from, node }) => ({ clients: endsOf(from), nodes: endsOf(node) }))
  return {
    claim: `${list(asked.flatMap(({ clients }) => clients.map(end => end.name)))} reach ${anyOf(endsOf(service.pods))} by port ${service.port} of the node that they are on${times > 1 ? `, ${times} times of ${times}` : ''}`,
    look: async bench => {
      const verdicts = await Promise.all(asked.map(({ clients, nodes }) => look(bench, clients, nodes, service, false, times)))
      const verdict = verdicts.find(({ status }) => status !== 'pass') ?? verdicts[0]
      if (verdict === undefined) throw new Error('nobody was asked')
      return verdict
    },
  }
}

async function look(bench: Bench, clients: readonly NamedEnd[], nodes: readonly NamedEnd[], service: NodePort, keepingAddress: boolean, times: number): Promise<Verdict> {
  const pods = endsOf(service.pods)
  const questions = nodes.flatMap(node => clients.map((from): { node: NamedEnd; question: Question } => ({ node, question: { from, to: node.address, port: service.port, protocol: 'tcp', times } })))
  const answers = await asking(bench, listenersOf(service), questions.map(({ question }) => question))
  if ('because' in answers) return fail(answers.because, ...answers.evidence)
  const asked = answers.flatMap((answered, index) => {
    const node = questions[index]?.node
    return node === undefined ? [] : answered.replies.map(reply => ({ answered, node, reply }))
  })
  const held = (reply: Reply): string | undefined => reply.kind === 'ok' ? pods.find(pod => holds(reply.by, pod.address))?.name : undefined
  const missed = asked.filter(({ reply }) => held(reply) === undefined)
  const [first] = missed
  if (first !== undefined) {
    const { because, evidence } = await say(bench, first, first.reply)
    return fail(`${because}${more(missed, asked.length)}`, ...evidence)
  }
  if (keepingAddress) {
    const changed = asked.filter(({ answered: { from }, reply }) => reply.kind === 'ok' && reply.peer !== from.address)
    const [translated] = changed
    if (translated !== undefined && translated.reply.kind === 'ok') {
      const { reply, answered: { from, evidence } } = translated
      const way = (await allNamespaces(bench)).filter(namespace => namespace === reply.by || holds(namespace, translated.node.address)).map(({ node }) => node)
      const rule = await translation(bench, [...new Set(way)], { from: reply.own, to: pods.find(pod => holds(reply.by, pod.address))?.address ?? '' }, evidence)
      return fail(`${held(reply) ?? ''} sees ${reply.peer} in place of ${from.address}, ${from.name}'s own: ${rule.because}${more(changed, asked.length)}`, ...rule.evidence)
    }
  }
  const [evidence, ...rest] = new Set(answers.flatMap(answered => answered.evidence))
  if (evidence === undefined) throw new Error('nothing was asked')
  return pass(evidence, ...rest)
}

/** One failure is told in full, and which others there are. */
function more(failed: readonly Asked[], all: number): string {
  if (failed.length < 2) return ''
  const others = [...new Set(failed.slice(1).map(({ answered, node }) => `${answered.from.name} → ${node.name}`))]
  const shown = others.length > 4 ? [...others.slice(0, 4), '…'] : others
  return ` (and ${failed.length - 1} more of ${all}: ${shown.join(', ')})`
}
