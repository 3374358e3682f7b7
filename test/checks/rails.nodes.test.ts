// What crosses which wire, and who is asked on it, on a worker with eight rails and somebody behind them. Each is looked at until it is as it has
// to be: a network takes a moment to become what it was told to be, and whoever sends in the background a moment to begin.
import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished } from 'vitest'
import { answersForOwnRail, answersOnOwnRails, apartOnRails, asksInOwnName, carriesJob, connectedTo, jobMoves, ridesOn, ridesOwnRails, straightToNeighbours, unboundRidesOn } from '../../checks/index.ts'
import { joinRails, onRail, podsOnBridge, RAILS } from '../../fixtures/networks/index.ts'
import type { Nodes } from '../../runner/core/lab.ts'
import { parseTopology } from '../../runner/core/topology.ts'
import { makeBench } from '../../runner/engine/bench.ts'
import { judge } from '../../runner/engine/judge.ts'
import { shells } from '../../runner/engine/shell.ts'
import { chosen } from '../helpers/chosen.ts'
import { UNHURRIED } from './network.ts'
import { test } from './on-nodes.ts'

const file = new URL('../../fixtures/topologies/rails.yaml', import.meta.url)
const topology = parseTopology(readFileSync(file, 'utf8'), 'rails.yaml')
/** Enough to tell rails apart. */
const used = RAILS.slice(0, 3)
const rails = used.map(rail => ({ segment: `rail${rail}`, address: onRail(rail, 10), range: `10.${50 + rail}.0.0/16`, to: ['10.150.0.20'] }))
const far = { far: '10.150.0.20' }
const RIGHT = used.map(rail => `ip rule add from ${onRail(rail, 10)} table 10${rail}; ip route add 10.5${rail}.0.0/16 dev net${rail + 1} table 10${rail}; ip route add default via ${onRail(rail, 1)} table 10${rail}`).join('\n')

async function network() {
  const provider = await chosen('embedded')
  await provider.prepare({ say: () => {} })
  const lab = `rails-${process.pid}`
  onTestFinished(() => provider.down(lab))
  await provider.up(lab, topology, { signal: new AbortController().signal, keep: false })
  const nodes = await provider.nodes(lab)
  const { node1, node2 } = shells(nodes) as Nodes<'node1' | 'node2'>
  await Promise.all([
    podsOnBridge(node1, '10.244.1.0/24', { worker: '10.244.1.2' }).then(() => joinRails(node1, { pods: { worker: [0, 10] } })).then(() => node1`sysctl -qw net.ipv4.ip_forward=1; ip route add default via 192.168.1.12`),
    podsOnBridge(node2, '10.150.0.0/16', { far: far.far }).then(() => node2`bash -ec ${`sysctl -qw net.ipv4.ip_forward=1; ip route add 10.244.1.0/24 via 192.168.1.11
      for file in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 >$file; done
      ${used.map(rail => `ip addr add ${onRail(rail, 1)}/16 dev rail${rail}; ip link set rail${rail} up`).join('\n')}`}`),
  ])
  const worker = (script: string) => node1`ip netns exec worker bash -ec ${script}`
  await worker('sysctl -qw net.ipv4.conf.{all,default}.{arp_ignore,arp_announce,rp_filter}=0')
  return { node1, node2, worker, look: async (check: Parameters<typeof judge>[0]) => {
    const verdict = await judge(check, makeBench(nodes, topology), UNHURRIED.leastMs)
    return verdict.status === 'pass' ? 'pass' : `${verdict.status}: ${verdict.because}`
  } }
}

describe('rails', () => {
  test('what is sent from an address of a rail, and what comes back, is counted where it crosses', async () => {
    const { worker, look } = await network()
    const one = ridesOn('rail1', { worker: onRail(1, 10) }, far)
    expect(one.claim).toBe('what worker sends from 10.51.0.10 to far, and what comes back, crosses rail1 and no other wire')
    await expect.poll(() => look(one)).toMatch(/^fail: worker \(10\.51\.0\.10\) sends 10\.150\.0\.20 3\d{4} bytes by fab, and hears 3\d{4} bytes by rail1; its route is `10\.150\.0\.20 from 10\.51\.0\.10 via 10\.244\.1\.1 dev eth0`$/)
    await expect.poll(() => look(answersOnOwnRails('worker', rails))).toMatch(/^fail: far|^fail: 10\.150\.0\.20 sends 10\.50\.0\.10 3\d{4} bytes by rail0, and hears 3\d{4} bytes by fab/)
    await worker(RIGHT)
    await expect.poll(() => look(one)).toBe('pass')
    await expect.poll(() => look(ridesOwnRails('worker', rails))).toBe('pass')
    await expect.poll(() => look(answersOnOwnRails('worker', rails))).toBe('pass')
    await expect.poll(() => look(ridesOn('rail0', { worker: onRail(1, 10) }, far))).toMatch(/bytes by rail1, and hears 3\d{4} bytes by rail1/)
    await worker('ip rule del from 10.51.0.10 table 101; ip rule add from 10.51.0.10 ipproto tcp table 101')
    await expect.poll(() => look(one)).toMatch(/^fail: a datagram that worker \(10\.51\.0\.10\) sends to 10\.150\.0\.20 crosses fab, though what it sends by TCP is well;/)
    await worker('ip rule del from 10.51.0.10 table 101; ip rule add from 10.51.0.10 table 101')
    await worker('ip route replace default via 10.50.0.1 table 102')
    await expect.poll(() => look(ridesOwnRails('worker', rails))).toMatch(/^fail: worker \(10\.52\.0\.10\) sends 10\.150\.0\.20 3\d{4} bytes by rail0, and hears 3\d{4} bytes by rail2;/)
    await worker('nft "add table ip t; add chain ip t c { type nat hook postrouting priority srcnat; }; add rule ip t c oifname net1 masquerade"')
    await expect.poll(() => look(ridesOwnRails('worker', rails))).toMatch(/^fail: 10\.150\.0\.20 sees 10\.50\.0\.10 in place of 10\.52\.0\.10, from which worker sends$/)
    await worker('ip route replace blackhole default table 102')
    await expect.poll(() => look(ridesOwnRails('worker', rails))).toMatch(/^fail: worker \(10\.52\.0\.10\) does not reach 10\.150\.0\.20 \(invalid argument\)/)
  })

  test('who does not say from where goes by the route', async () => {
    const { worker, look } = await network()
    await worker(RIGHT)
    const check = unboundRidesOn('rail2', { worker: 'node1/worker' }, far)
    expect(check.claim).toBe('what worker sends to far, without saying from where, crosses rail2 and no other wire, and so does what comes back')
    await expect.poll(() => look(check)).toMatch(/^fail: worker, from 10\.244\.1\.2, sends 10\.150\.0\.20 3\d{4} bytes by fab, and hears 3\d{4} bytes by fab;/)
    await worker('ip route add 10.150.0.0/16 via 10.52.0.1')
    await expect.poll(() => look(check)).toBe('pass')
  })

  test('neighbours are asked for on their own wire', async () => {
    const { worker, look } = await network()
    await worker(RIGHT)
    const check = straightToNeighbours('worker', rails)
    await expect.poll(() => look(check)).toBe('pass')
    await worker('ip route del 10.51.0.0/16 table 101')
    await expect.poll(() => look(check)).toMatch(/^fail: worker sends what is for 10\.51\.[\d.]+, a neighbour of 10\.51\.0\.10 on rail1, to a router, on rail1$/)
    await worker('ip route add 10.51.0.0/16 dev net1 table 101')
    await expect.poll(() => look(check)).toMatch(/^fail: worker takes 10\.51\.[\d.]+, a neighbour of 10\.51\.0\.10 on rail1, to be on rail0, and asks for it there$/)
    await worker('ip route replace unreachable 10.51.0.0/16 table 101')
    await expect.poll(() => look(check)).toMatch(/^fail: worker finds no way from 10\.51\.0\.10 to its neighbour 10\.51\.[\d.]+: no route to host$/)
  })

  test('on each wire one address is answered for, and one is asked in the name of', async () => {
    const { worker, look } = await network()
    const [answers, asks] = [answersForOwnRail('worker', rails), asksInOwnName('worker', rails)]
    await expect.poll(() => look(answers)).toMatch(/^fail: on rail0 worker also answers for 10\.244\.1\.2, 10\.51\.0\.10 and 6 more: who is asked there takes them to be on that rail \(and so on rail1 and rail2\)$/)
    await expect.poll(() => look(asks)).toMatch(/^fail: worker sends from 10\.51\.0\.10 on rail0, and asks there who has 10\.50\.[\d.]+ in the name of 10\.51\.0\.10 \(and 2 more of 3\)$/)
    await worker('sysctl -qw net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2')
    await expect.poll(() => look(answers)).toBe('pass')
    await expect.poll(() => look(asks)).toBe('pass')
    await worker('ip addr del 10.244.1.2/24 dev eth0; sysctl -qw net.ipv4.conf.all.arp_ignore=0 net.ipv4.conf.all.rp_filter=1')
    await expect.poll(() => look(answers)).toMatch(/^fail: on rail0 worker also answers for 10\.51\.0\.10, 10\.52\.0\.10 and 5 more/)
    await worker(`sysctl -qw net.ipv4.conf.all.arp_ignore=0; ${RAILS.map(rail => `ip rule add from ${onRail(rail, 10)} table 20${rail}; ip route add default dev net${rail + 1} table 20${rail}`).join('; ')}`)
    await expect.poll(() => look(answers)).toMatch(/ and 5 more, when it is asked whether the address is free: /)
    await worker('sysctl -qw net.ipv4.conf.all.arp_ignore=1; ip link set net2 arp off')
    await expect.poll(() => look(answers)).toBe('fail: worker does not answer for 10.51.0.10, its own address on rail1')
    await expect.poll(() => look(asks)).toMatch(/^fail: worker does not ask on rail1 who has 10\.51\./)
  })
})

describe('a job', () => {
  const pods = { a0: onRail(0, 10, 1), b0: onRail(0, 10, 2), a1: onRail(0, 20, 1), b1: onRail(0, 20, 2) }
  const two = RAILS.slice(0, 2)
  const group = (number: number, ...names: readonly string[]) => Object.fromEntries(names.map((name, index) => [name, two.map(rail => onRail(rail, 10 + 10 * index, number))]))

  async function teams() {
    const provider = await chosen('embedded')
    await provider.prepare({ say: () => {} })
    const lab = `teams-${process.pid}`
    onTestFinished(() => provider.down(lab))
    await provider.up(lab, topology, { signal: new AbortController().signal, keep: false })
    const nodes = await provider.nodes(lab)
    const { node1, node2 } = shells(nodes) as Nodes<'node1' | 'node2'>
    await Promise.all([node1, node2].map(async (node, index) => {
      await podsOnBridge(node, `10.244.${index + 1}.0/24`, { [`a${index}`]: `10.244.${index + 1}.2`, [`b${index}`]: `10.244.${index + 1}.3` })
      await joinRails(node, { shared: true, pods: { [`a${index}`]: [1, 10 + 10 * index], [`b${index}`]: [2, 10 + 10 * index] } })
    }))
    return { node1, node2, look: async (check: Parameters<typeof judge>[0]) => {
      const verdict = await judge(check, makeBench(nodes, topology), UNHURRIED.leastMs)
      return verdict.status === 'pass' ? 'pass' : `${verdict.status}: ${verdict.because}`
    } }
  }

  test('groups on shared rails are apart by what arrives, and not by what is answered', async () => {
    const { node1, node2, look } = await teams()
    const check = apartOnRails(['rail0', 'rail1'], { 'team-a': group(1, 'a0', 'a1'), 'team-b': group(2, 'b0', 'b1') })
    expect(check.claim).toBe('on every rail that is up the pods of team-a and team-b reach their own, and nothing of the one comes to the other')
    await expect.poll(() => look(check)).toBe(`fail: a0 reaches b0 at ${pods.b0} (and 15 more of 16)`)
    const blackhole = (pod: string, other: number) => two.map(rail => `ip -n ${pod} route add blackhole 10.5${rail}.${other}.0/24`).join('; ')
    await node1`bash -ec ${blackhole('a0', 2)}`
    await node2`bash -ec ${blackhole('a1', 2)}`
    await expect.poll(() => look(check)).toMatch(/^fail: what b0 sends to a0 at 10\.50\.1\.10 arrives, and only the answers are lost \(and 7 more of 16\)$/)
    await Promise.all([node1`bash -ec ${blackhole('b0', 1)}`, node2`bash -ec ${blackhole('b1', 1)}`])
    await expect.poll(() => look(check)).toBe('pass')
    const byNumber = (pod: string, own: number) => `ip -n ${pod} route del blackhole 10.50.${3 - own}.0/24; ip netns exec ${pod} nft 'add table ip t; add chain ip t c { type filter hook input priority filter; }; add rule ip t c iifname net1 ip saddr & 0.0.255.0 != 0.0.${own}.0 drop'`
    await Promise.all([node1`bash -ec ${`${byNumber('a0', 1)}; ${byNumber('b0', 2)}`}`, node2`bash -ec ${`${byNumber('a1', 1)}; ${byNumber('b1', 2)}`}`])
    await expect.poll(() => look(check)).toMatch(/^fail: what (a1 sends to b0 at 10\.50\.2\.10 under its address 10\.244\.2\.2|b0 sends to a\d at 10\.50\.1\.\d+ under its address 10\.244\.1\.3) arrives \(and 3 more of 16\)$/)
    await Promise.all([node1, node2].map(node => node`bash -ec ${'for pod in $(ip netns list | cut -d" " -f1); do ip netns exec $pod sysctl -qw net.ipv4.conf.all.rp_filter=1; done'}`))
    await expect.poll(() => look(check)).toBe('pass')
    await node2`ip -n a1 link set net2 down`
    await expect.poll(() => look(check)).toMatch(/^fail: at 10\.51\.1\.20 a0 does not reach a1/)
    await node2`ip link set rail1 down`
    await expect.poll(() => look(check)).toBe('pass')
    await node1`ip link set rail0 down`
    await expect.poll(() => look(check)).toBe('fail: rail0 and rail1 are all down')
  })

  test('the interfaces that carry it are told by bytes', async () => {
    const { node1, node2, look } = await teams()
    const job = { name: 'team-a', port: 5000, pods: { a0: pods.a0, a1: pods.a1 } }
    const [moves, carries] = [jobMoves(job), carriesJob(job, { by: { net1: 'rail0', net2: 'rail1' } })]
    expect(moves.claim).toBe('the job of team-a moves: a0 and a1 exchange gradients')
    expect(carries.claim).toBe('every rail that is up carries a share of the job of team-a, and other interfaces less than 1 % of its bytes')
    await expect.poll(() => look(moves)).toBe('fail: a0 has moved nothing of it in 3 s: the job stands still')
    await node1`setsid ip netns exec a0 socat -u TCP-LISTEN:5000,fork,reuseaddr OPEN:/dev/null </dev/null >/dev/null 2>&1 &`
    const sends = (address: string) => node2`setsid ip netns exec a1 bash -c ${`until socat -u - TCP:${address}:5000 < <(while sleep 0.02; do head -c 40000 /dev/zero; done); do sleep 0.05; done`} </dev/null >/dev/null 2>&1 &`
    await sends(onRail(0, 10, 1))
    await expect.poll(() => look(moves)).toBe('pass')
    await expect.poll(() => look(connectedTo({ a1: pods.a1 }, `${pods.a0}:5000`))).toBe('pass')
    await expect.poll(() => look(connectedTo({ a1: pods.a1 }, '10.96.1.10:5000'))).toBe(`fail: a1 is connected to ${pods.a0}:5000`)
    await expect.poll(() => look(connectedTo({ a1: pods.a1 }, '10.96.1.10:5001'))).toBe('fail: a1 is connected to nobody at port 5001')
    await expect.poll(() => look(carries)).toBe('fail: net2 of a0 carries 0 % of it, where 2 are to share it')
    await sends(onRail(1, 10, 1))
    await sends(onRail(2, 10, 1))
    await expect.poll(() => look(carries)).toMatch(/^fail: \d+ % of what a0 moves of it is on net3$/)
    await expect.poll(() => look(carriesJob(job, { by: { net1: 'rail0', net2: 'rail1', net3: 'rail2' } }))).toBe('pass')
    await expect.poll(() => look(carriesJob(job, { by: { net1: 'rail0', net2: 'rail1', net3: 'rail3' } }))).toMatch(/^fail: rail3 carries 0 % of it: net3 of a0 and a1 is on another wire$/)
    // What is sent again and again to somebody who hears nothing moves nothing.
    await node1`ip netns exec a0 nft ${'add table ip deaf; add chain ip deaf in { type filter hook input priority 0; }; add rule ip deaf in tcp dport 5000 drop'}`
    await expect.poll(() => look(moves)).toBe('fail: a0 has moved nothing of it in 3 s: the job stands still')
    await node1`ip netns exec a0 nft delete table ip deaf`
    // What was not heard is said again, after a while that has doubled each time.
    await expect.poll(() => look(carriesJob(job, { by: { net1: 'rail0', net2: 'rail1', net3: 'rail2' } })), { timeout: 120_000 }).toBe('pass')
    await node2`ip link set rail1 down`
    await expect.poll(() => look(carriesJob(job, { by: { net1: 'rail0', net2: 'rail1', net3: 'rail2' } }))).toBe('pass')
    await node1`ip link set rail2 down`
    await expect.poll(() => look(carriesJob(job, { by: { net1: 'rail0', net2: 'rail1', net3: 'rail2' } }))).toBe('fail: rail1 and rail2 are down')
  })

  test('what comes while whoever counts has no processor is counted, of the last interface as of the first', async () => {
    const { node1, node2 } = await teams()
    await node1`setsid ip netns exec a0 socat -u TCP-LISTEN:5000,fork,reuseaddr OPEN:/dev/null </dev/null >/dev/null 2>&1 &`
    const { stdout } = await node2`ip netns exec a1 bash -ec ${`
      until exec 5<>/dev/tcp/${onRail(0, 10, 1)}/5000; do sleep 0.05; done 2>/dev/null
      exec 6<>/dev/tcp/${onRail(1, 10, 1)}/5000
      /usr/local/lib/hardway/tally 5000 600000 30000 >/tmp/tally & tally=$!
      until [ "$(wc -l </proc/net/packet)" -gt 1 ]; do sleep 0.01; done
      kill -STOP $tally
      until grep -q '^State:.T' /proc/$tally/status; do sleep 0.01; done
      for one in 5 6; do
        head -c 400000 /dev/zero >&$one
        while ss -Htn dst :5000 | awk '$3 { left = 1 } END { exit !left }'; do sleep 0.01; done
      done
      kill -CONT $tally
      wait $tally
      cat /tmp/tally`}`
    const out = new Map(stdout.trim().split('\n').map(line => line.split(' ') as [string, string]))
    for (const link of ['net1', 'net2']) expect(Number(out.get(link)), stdout).toBeGreaterThan(200_000)
  })
})
