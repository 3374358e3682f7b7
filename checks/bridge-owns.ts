import type { Check } from '../runner/core/bench.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'

/** `a bridge of node1 is up and holds 10.244.1.1`, whatever it is called. */
export function bridgeOwns(node: string, address: string): Check {
  return {
    claim: `a bridge of ${node} is up and holds ${address}`,
    look: async bench => {
      const own = (await bench.namespaces(node)).find(one => one.own)
      if (own === undefined) throw new Error(`${node} has no namespace of its own`)
      const bridges = own.links.filter(link => link.kind === 'bridge')
      const holder = own.links.find(link => link.addresses.some(held => held.split('/')[0] === address))
      if (holder?.kind === 'bridge') return holder.up ? pass(own.evidence) : fail(`${holder.name} holds ${address}, and is down`, own.evidence)
      const names = bridges.length === 0 ? `${node} has no bridge` : bridges.length === 1
        ? `${bridges[0]?.name ?? ''} has ${bridges[0]?.addresses.length === 0 ? 'no address' : list(bridges[0]?.addresses ?? [])}`
        : `none of the bridges ${list(bridges.map(bridge => bridge.name))} has it`
      if (holder === undefined) return fail(names, own.evidence)
      const port = holder.master === undefined ? 'which is no bridge' : `which is a port of ${holder.master}: an address belongs on the bridge itself`
      return fail(`${address} is on ${holder.name}, ${port}`, own.evidence)
    },
  }
}
