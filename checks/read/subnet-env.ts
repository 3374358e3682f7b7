// Reads /run/flannel/subnet.env, which is shell.
import { parseCidr, type Cidr } from '../../runner/core/ipv4.ts'

export interface SubnetEnv {
  /** Of the whole cluster. */
  readonly network: Cidr
  /** Of this node. Its address is that of the bridge. */
  readonly subnet: Cidr
}

export function readSubnetEnv(output: string): SubnetEnv {
  const range = (name: string): Cidr => {
    const value = new RegExp(`^${name}=(\\S+)$`, 'm').exec(output)?.[1]
    const cidr = value === undefined ? undefined : parseCidr(value)
    if (cidr === undefined) throw new Error(`expected ${name}=, and a range`)
    return cidr
  }
  return { network: range('FLANNEL_NETWORK'), subnet: range('FLANNEL_SUBNET') }
}
