import type { Bench } from '../runner/core/bench.ts'
import { onceALook } from './once.ts'
import { readWireguard, WIREGUARD, type Tunnel } from './read/wireguard.ts'
import { tool, type Told } from './tool.ts'

const once = onceALook<Told<readonly Tunnel[]>>()

/** The WireGuard interfaces of a node. Asked once a look, unless something was done since that is to be seen. */
export function tunnelsOf(bench: Bench, node: string, { again = false }: { readonly again?: boolean } = {}): Promise<Told<readonly Tunnel[]>> {
  return once(bench, node, () => tool(bench.place(node), WIREGUARD, readWireguard), again)
}
