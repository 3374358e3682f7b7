import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type NonEmpty, type Verdict } from '../runner/core/verdict.ts'
import { endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { nameOf } from './explain.ts'
import { knock, type Knocked } from './knock.ts'
import { inside, listeners, processesOf } from './processes.ts'

/** An address and a port, `192.168.1.11:8080`. */
type Socket = string

/** `ext gets through to port 80 of web by 192.168.1.11:8080`: what it sends there comes in at that port. */
export function leadsTo(from: End, at: Socket, to: End, port: number): Check {
  const [one, other] = [endOf(from), endOf(to)]
  return {
    claim: `${one.name} gets through to port ${port} of ${other.name} by ${at}`,
    look: async bench => {
      const found = await through(bench, one, [at], other, port)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const [first] = found.knocked
      if (first?.arrival !== undefined) return pass(...found.evidence)
      return first === undefined ? fail('nothing was tried', ...found.evidence) : why(bench, one, first, other, port, found.evidence)
    },
  }
}

/**
 * `ext gets through to port 80 of web by 192.168.1.11:8080, but not directly`: the same word, sent to the address of
 * web itself, does not come in.
 */
export function onlyBy(from: End, at: Socket, to: End, port: number): Check {
  const [one, other] = [endOf(from), endOf(to)]
  return {
    claim: `${one.name} does not get through to ${other.name} directly, by ${other.address}:${port}, though it does by ${at}`,
    look: async bench => {
      const found = await through(bench, one, [at, `${other.address}:${port}`], other, port)
      if ('because' in found) return fail(found.because, ...found.evidence)
      const [published, direct] = found.knocked
      if (published === undefined || direct === undefined) return fail('nothing was tried', ...found.evidence)
      if (direct.arrival !== undefined) {
        return fail(`what ${one.name} sends to ${other.address}:${port} comes in at ${other.name}, from ${direct.arrival.from}`, ...found.evidence)
      }
      // Otherwise nothing would come in from somebody who is not there.
      if (published.arrival === undefined) return why(bench, one, published, other, port, found.evidence)
      return pass(...found.evidence)
    },
  }
}

type Found = { readonly knocked: readonly Knocked[]; readonly evidence: NonEmpty<Evidence> } | { readonly because: string; readonly evidence: NonEmpty<Evidence> }

async function through(bench: Bench, from: NamedEnd, sockets: readonly Socket[], to: NamedEnd, port: number): Promise<Found> {
  const [client, server] = await Promise.all([ownerOf(bench, from), ownerOf(bench, to)])
  if ('because' in client) return client
  if ('because' in server) return server
  if (server.namespace.own) return { because: `${to.address} is ${server.namespace.node}'s own address: ${to.name} has no network of its own`, evidence: [server.namespace.evidence] }
  return knock(client.namespace, sockets.map(socket => {
    const [address = '', number = ''] = socket.split(':')
    return { address, port: Number(number) }
  }), server.namespace, port)
}

async function why(bench: Bench, from: NamedEnd, { address, port: at, answer }: Knocked, to: NamedEnd, port: number, evidence: NonEmpty<Evidence>): Promise<Verdict> {
  const owner = await ownerOf(bench, to)
  const where = `${address}:${at}`
  const { value, evidence: processes } = await processesOf(bench, 'namespace' in owner ? owner.namespace.node : '')
  if ('namespace' in owner && listeners(inside(value, owner.namespace), port).length === 0) {
    return fail(`nobody listens on port ${port} in ${to.name} (${nameOf(owner.namespace)})`, processes, ...evidence)
  }
  switch (answer.kind) {
    case 'refused': return fail(`${where} refuses ${from.name}: nobody there takes what is for port ${at}`, ...evidence)
    case 'unreachable': return fail(`${from.name} finds no way to ${where}: ${answer.reason.toLowerCase()}`, ...evidence)
    case 'timeout': return fail(`${from.name} hears nothing from ${where}, and nothing of it comes in at port ${port} of ${to.name}`, ...evidence)
    case 'ok':
    case 'wrong': return fail(`somebody else answers ${from.name} at ${where}${answer.kind === 'wrong' ? `: ${JSON.stringify(answer.text.replace(/\?+$/, ''))}` : ''}; nothing comes in at port ${port} of ${to.name}`, ...evidence)
  }
}
