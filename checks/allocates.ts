// What a learner's allocator does: a program that is given a pool and the Services of a cluster, and says which of them has which
// address. It is judged on Services that nobody has seen before.
import { randomBytes, randomInt } from 'node:crypto'
import type { Bench, Check } from '../runner/core/bench.ts'
import { formatAddress, parseAddress } from '../runner/core/ipv4.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { list } from '../runner/core/quoted.ts'
import { readServices, type ListedService } from './read/service-list.ts'
import { unable } from './tool.ts'

export interface Allocator {
  readonly on: string
  /** Called with a pool, `192.168.1.240-192.168.1.250`; Services come in as `kubectl get services -o json` has them, and go out with addresses. */
  readonly program: string
}

type Kind = 'LoadBalancer' | 'ClusterIP' | 'NodePort'

/** `allocate gives each Service of type LoadBalancer an address of the pool, no two the same, and nobody else any` */
export function allocatesUnique(allocator: Allocator): Check {
  return {
    claim: `${nameOf(allocator)} gives each Service of type LoadBalancer an address of the pool, no two the same, and nobody else any`,
    look: async bench => {
      const pool = somePool(8)
      // As many as there are addresses: whoever leaves one out, the first or the last, has too few.
      const services = shuffled([...some('LoadBalancer', 8), ...some('ClusterIP', 3), ...some('NodePort', 2)])
      return allocated(bench, allocator, pool, services, (given, evidence) => {
        const wrong = notUnique(given, pool)
        if (wrong !== undefined) return fail(wrong, evidence)
        const without = given.filter(({ type, addresses }) => type === 'LoadBalancer' && addresses.length === 0)
        return without.length === 0 ? pass(evidence) : fail(`${list(without.map(({ name }) => name))} ${without.length === 1 ? 'has' : 'have'} none, and ${textOf(pool)} has as many addresses as there are Services that want one`, evidence)
      })
    },
  }
}

/** `allocate takes no address away that a Service has` */
export function allocatesForGood(allocator: Allocator): Check {
  return {
    claim: `${nameOf(allocator)} takes from no Service the address that it has, whoever comes and goes`,
    look: async bench => {
      const pool = somePool(8)
      const all = poolAddresses(pool)
      // Those who have one come last, and what they have is neither the first nor in order.
      const held = some('LoadBalancer', 3).map((service, index) => ({ ...service, address: all[[5, 2, 7][index] ?? 0] }))
      const services = [...shuffled([...some('LoadBalancer', 4), ...some('ClusterIP', 2)]), ...held]
      return allocated(bench, allocator, pool, services, (given, evidence) => {
        for (const { name, address } of held) {
          const now = given.find(one => one.name === name)?.addresses ?? []
          if (now.length !== 1 || now[0] !== address) return fail(`${name} had ${address}, and now has ${now.length === 0 ? 'none' : list(now)}: whoever knows the old one does not reach it any more`, evidence)
        }
        const wrong = notUnique(given, pool)
        if (wrong !== undefined) return fail(wrong, evidence)
        const without = given.find(({ type, addresses }) => type === 'LoadBalancer' && addresses.length === 0)
        return without === undefined ? pass(evidence) : fail(`${without.name} has none, and there are free ones in ${textOf(pool)}`, evidence)
      })
    },
  }
}

/** `when all addresses are given away, the Services that are left stay pending, until one is free` */
export function allocatesNoMore(allocator: Allocator): Check {
  return {
    claim: `when ${nameOf(allocator)} has no address left, Services stay pending, and one that is free again is given to the next`,
    look: async bench => {
      const pool = somePool(3)
      const services = shuffled([...some('LoadBalancer', 5), ...some('ClusterIP', 1)])
      return allocated(bench, allocator, pool, services, (given, evidence) => {
        const wrong = fromPool(given, pool, 3)
        if (wrong !== undefined) return fail(wrong, evidence)
        const gone = given.find(({ addresses }) => addresses.length > 0)
        const left = services.filter(({ name }) => name !== gone?.name).map(service => ({ ...service, address: given.find(({ name }) => name === service.name)?.addresses[0] }))
        return allocated(bench, allocator, pool, left, (then, again) => {
          const still = fromPool(then, pool, 3)
          return still === undefined ? pass(evidence, again) : fail(`${gone?.name ?? ''} was deleted, and its address is free: ${still}`, again, evidence)
        })
      })
    },
  }
}

/** Of a pool that is too small. */
function fromPool(given: readonly ListedService[], pool: Pool, most: number): string | undefined {
  const wrong = notUnique(given, pool)
  if (wrong !== undefined) return wrong
  const have = given.filter(({ addresses }) => addresses.length > 0).length
  return have === most ? undefined : `${have} Services have an address, and ${textOf(pool)} has ${most}`
}

function notUnique(given: readonly ListedService[], pool: Pool): string | undefined {
  const all = poolAddresses(pool)
  const taken = new Map<string, string>()
  for (const { name, type, addresses } of given) {
    const [address, second] = addresses
    if (address === undefined) continue
    if (type !== 'LoadBalancer') return `${name} is of type ${type}, and is given ${address}`
    if (second !== undefined) return `${name} is given ${list(addresses)}, where one is enough`
    if (!all.includes(address)) return `${name} is given ${parseAddress(address) === undefined ? JSON.stringify(address.slice(0, 40)) : address}, which is not in ${textOf(pool)}`
    const other = taken.get(address)
    if (other !== undefined) return `${other} and ${name} are both given ${address}`
    taken.set(address, name)
  }
  return undefined
}

interface Pool {
  readonly first: number
  readonly size: number
}

/** Nobody can have written it down: a range of TEST-NET-3 (RFC 5737). */
function somePool(size: number): Pool {
  return { first: (parseAddress('203.0.113.0') ?? 0) + randomInt(1, 250 - size), size }
}

function poolAddresses({ first, size }: Pool): readonly string[] {
  return Array.from({ length: size }, (_, index) => formatAddress(first + index))
}

function textOf({ first, size }: Pool): string {
  return `${formatAddress(first)}-${formatAddress(first + size - 1)}`
}

interface MadeUp {
  readonly name: string
  readonly type: Kind
  readonly address?: string | undefined
}

function some(type: Kind, count: number): readonly MadeUp[] {
  return Array.from({ length: count }, () => ({ name: `svc-${randomBytes(3).toString('hex')}`, type }))
}

function shuffled<T>(all: readonly T[]): readonly T[] {
  return all.map(one => ({ one, by: randomInt(1 << 30) })).toSorted((one, other) => one.by - other.by).map(({ one }) => one)
}

async function allocated(bench: Bench, { on, program }: Allocator, pool: Pool, services: readonly MadeUp[], judge: (given: readonly ListedService[], evidence: Evidence) => Verdict | Promise<Verdict>): Promise<Verdict> {
  const items = services.map(({ name, type, address }, index) => ({
    apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'default', uid: randomBytes(8).toString('hex') },
    spec: { type, clusterIP: `10.96.1.${index + 1}`, ports: [{ port: 80, targetPort: 8000, protocol: 'TCP' }], selector: { app: name } },
    status: { loadBalancer: address === undefined ? {} : { ingress: [{ ip: address, ipMode: 'VIP' }] } },
  }))
  const evidence = await bench.place(on).exec(['sh', '-c', '[ -x "$0" ] || exit 127; exec "$0" "$1"', program, textOf(pool)], { stdin: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), timeoutMs: 5_000 })
  if (evidence.exitCode === undefined) throw unable(evidence)
  if (evidence.exitCode === 127) return fail(`${on} has no program ${program} that can be run${said(evidence)}`, evidence)
  if (evidence.exitCode !== 0) return fail(`${program} ended with ${evidence.exitCode}${said(evidence)}`, evidence)
  let given: readonly ListedService[]
  try {
    given = readServices(evidence.stdout)
  } catch (error) {
    return fail(`${program} does not print a list of Services: ${error instanceof Error ? error.message : String(error)}`, evidence)
  }
  const lost = services.find(({ name, type }) => given.filter(one => one.name === name && one.type === type).length !== 1)
  if (lost !== undefined) return fail(`${lost.name}, of type ${lost.type}, went in, and does not come out once and as it was`, evidence)
  const added = given.find(({ name }) => services.every(one => one.name !== name))
  if (added !== undefined) return fail(`${added.name} comes out, and nothing of that name went in`, evidence)
  return judge(given, evidence)
}

function said({ stderr }: Evidence): string {
  const [line = ''] = stderr.trim().split('\n')
  return line === '' ? '' : `: ${line.slice(0, 200)}`
}

function nameOf({ program }: Allocator): string {
  return program.split('/').at(-1) ?? program
}
