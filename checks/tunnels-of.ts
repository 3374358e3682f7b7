import type { Bench } from '../runner/core/bench.ts'
import { readWireguard, WIREGUARD, type Tunnel } from './read/wireguard.ts'
import { tool, type Told } from './tool.ts'

const known = new WeakMap<Bench, Map<string, Promise<Told<readonly Tunnel[]>>>>()

/** The WireGuard interfaces of a node. Asked once a look, unless something was done since that is to be seen. */
export function tunnelsOf(bench: Bench, node: string, { again = false }: { readonly again?: boolean } = {}): Promise<Told<readonly Tunnel[]>> {
  const all = known.get(bench) ?? new Map<string, Promise<Told<readonly Tunnel[]>>>()
  known.set(bench, all)
  const found = again ? undefined : all.get(node)
  const asked = found ?? tool(bench.place(node), WIREGUARD, readWireguard)
  all.set(node, asked)
  return asked
}
