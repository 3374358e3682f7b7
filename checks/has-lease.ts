import type { Check } from '../runner/core/bench.ts'
import { contains, formatAddress, networkOf, parseCidr } from '../runner/core/ipv4.ts'
import { fail, pass } from '../runner/core/verdict.ts'
import { readSubnetEnv } from './read/subnet-env.ts'
import { readFrom } from './tool.ts'

const FILE = '/run/flannel/subnet.env'

/** `node1 has it in /run/flannel/subnet.env that 10.244.1.0/24 is its own`: flanneld writes that, and a plugin reads it. */
export function hasLease(node: string, subnet: string): Check {
  const right = parseCidr(subnet)
  if (right === undefined) throw new Error(`expected a subnet, for example 10.244.1.0/24, and got ${subnet}`)
  return {
    claim: `${node} has it in ${FILE} that ${subnet} is its own`,
    look: async bench => {
      const shown = await bench.place(node).exec(['sh', '-c', `! [ -e ${FILE} ] || cat ${FILE}`])
      if (shown.exitCode === 0 && shown.stdout === '') {
        const log = await bench.place(node).exec(['sh', '-c', '! [ -e /var/log/flanneld.log ] || grep "^[EF]" /var/log/flanneld.log | tail -n 1'])
        const said = log.stdout.replace(/^.*?\] /, '').trim().slice(0, 200)
        return fail(`${node} has no ${FILE}${said === '' ? '' : `; flanneld says: ${said}`}`, shown, log)
      }
      const { network, subnet: own } = readFrom(shown, readSubnetEnv)
      const written = `${formatAddress(networkOf(own))}/${own.prefix}`
      if (written !== subnet) return fail(`${FILE} of ${node} says ${written}`, shown)
      if (!contains(network, own.address)) return fail(`${FILE} of ${node} says that all pods are in ${formatAddress(networkOf(network))}/${network.prefix}, and ${written} is not`, shown)
      return pass(shown)
    },
  }
}
