// `lab trace`, as a learner or a script uses it.
import { describe, expect, test as plain } from 'vitest'
import type { Trace } from '../../runner/core/trace.ts'
import { labIn, type Lab } from '../helpers/lab.ts'
import { providersHere } from '../helpers/providers.ts'
import { inTerminal } from '../helpers/terminal.ts'

const here = (await providersHere()).filter(({ because }) => because === undefined)
const test = plain.skipIf(here.every(({ name }) => name !== 'embedded'))

/** Lab 05, with node1 and node2 made routers for each other's pods. */
async function routed(provider = 'embedded'): Promise<Lab> {
  const lab = labIn()
  const { code, stderr } = await lab.run('start', '05', '--no-watch', '--provider', provider)
  if (code !== 0) throw new Error(`start ended with ${code}: ${stderr}`)
  await Promise.all([1, 2].map(node => on(lab, `node${node}`, `sysctl -qw net.ipv4.ip_forward=1; ip route add 10.244.${3 - node}.0/24 via 192.168.1.1${3 - node}`)))
  return lab
}

const on = (lab: Lab, place: string, script: string) => lab.run('exec', place, '--', 'bash', '-ec', script)

describe('lab trace', () => {
  test('prints a line for each machine and wire, there and back, and ends with 0', async () => {
    const lab = await routed()
    const { code, stdout, stderr } = await lab.run('trace', 'red', 'green')
    expect(code).toBe(0)
    expect(stderr).toBe('')
    const lines = stdout.split('\n')
    expect(lines[0]).toBe('red → green   10.244.1.2 → 10.244.2.2 · ICMP echo')
    expect(lines.filter(line => line.startsWith('  ')).map(line => line.trim().split(/ {2,}/)[0])).toEqual([
      'red', 'node1', 'the wire', 'node2', 'green', 'green', 'node2', 'the wire', 'node1', 'red',
    ])
    expect(stdout).toMatch(/node1 +veth-red → cni0 → eth0 +TTL 64 → 63/)
    expect(stdout).toContain('✓ green answers')
  })

  test('says where it ended and why, with what the kernel counted, and ends with 1', async () => {
    const lab = await routed()
    await on(lab, 'node2', 'sysctl -qw net.ipv4.ip_forward=0')
    const { code, stdout } = await lab.run('trace', 'node1/red', '10.244.2.2')
    expect(code).toBe(1)
    expect(stdout).toMatch(/✗ node2 received it on eth0 and dropped it: net\.ipv4\.ip_forward is 0\n {2}IpInAddrErrors \d+ → \d+\n/)
    expect(stdout).not.toContain('and back')
  })

  test('names the rule of a filter, and leaves no rule of its own', async () => {
    const lab = await routed()
    await on(lab, 'node2', "nft 'add table ip walls; add chain ip walls through { type filter hook forward priority 0; }; add rule ip walls through ip daddr 10.244.2.0/24 drop'")
    const before = (await on(lab, 'node2', 'nft list ruleset')).stdout
    const { code, stdout } = await lab.run('trace', 'red', 'green', '--udp', '53')
    expect(code).toBe(1)
    expect(stdout).toContain('✗ in node2 a rule of chain through of table ip walls drops it: `ip daddr 10.244.2.0/24 drop`')
    expect((await on(lab, 'node2', 'nft list ruleset')).stdout).toBe(before)
  })

  test('--json is one document, with every hop and the cause', async () => {
    const lab = await routed()
    await on(lab, 'node2', 'ip route del 10.244.1.0/24')
    const { code, stdout, stderr } = await lab.run('trace', 'red', 'green', '--json')
    expect(code).toBe(1)
    expect(stderr).toBe('')
    const trace = JSON.parse(stdout) as Trace & { readonly lab: string }
    expect(trace).toMatchObject({
      lab: '05-static-routes', outcome: 'lost', arrived: true, from: { name: 'red', place: 'node1/red' }, to: { name: 'green', place: 'node2/green' },
      cause: { kind: 'no-route', where: 'node2', way: 'back', sentence: 'node2 has no route to 10.244.1.2' },
    })
    expect(trace.there[0]).toMatchObject({ place: 'node1/red', device: 'eth0', direction: 'out', from: '10.244.1.2', to: '10.244.2.2', ttl: 64, us: 0 })
    expect(trace.there.at(-1)).toMatchObject({ place: 'node2/green', direction: 'in', ttl: 62 })
  })

  test('an address that nobody has is a place to go to, but none to come from', async () => {
    const lab = await routed()
    const there = await lab.run('trace', 'red', '10.244.77.7')
    expect(there.code).toBe(1)
    expect(there.stdout).toMatch(/✗ \w+ has no route to 10\.244\.77\.7/)
    const from = await lab.run('trace', '10.244.77.7', 'red')
    expect(from.code).toBe(2)
    expect(from.stderr).toContain('nobody in 05-static-routes has the address 10.244.77.7')
  })

  test('used wrongly it says what was expected, and ends with 2', async () => {
    const lab = await routed()
    for (const [args, says] of [
      [['red', 'gren'], 'the nearest is `green`'], [['red', 'green', '--tcp', '80', '--icmp'], 'not several'], [['red', 'green', '--tcp', '80', '--size', '1400'], '--size is for'],
      [['red', 'green', '--size', '3'], 'a number from 44'], [['red', 'green', '--udp', 'dns'], 'a number from 1'],
    ] as const) {
      const { code, stdout, stderr } = await lab.run('trace', ...args)
      expect(code).toBe(2)
      expect(stdout).toBe('')
      expect(stderr).toContain(says)
    }
  })

  test('without a lab it ends with 3', async () => {
    const lab = labIn()
    expect(await lab.run('trace', 'red', 'green')).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('no lab is running') as unknown })
  })

  test('what a rule of a node says cannot command the terminal', async () => {
    const lab = await routed()
    const made = await on(lab, 'node2', `printf 'table ip walls { chain through { type filter hook forward priority 0; drop comment "x\\033]2;y\\007"; }; }\\n' | nft -f -`)
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const { stdout } = await lab.run('trace', 'red', 'green')
    expect(stdout).toContain('in node2 a rule of chain through of table ip walls drops it: `drop comment')
    // eslint-disable-next-line no-control-regex
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/)
  })

  test('on a terminal it has colours', async () => {
    const lab = await routed()
    const terminal = inTerminal({ ...lab, env: { ...lab.env, NO_COLOR: '' } }, 'trace', 'red', 'green')
    await terminal.shows(/✓ green answers/)
    expect(await terminal.ended).toBe(0)
  })

  for (const { name } of here.filter(one => one.name !== 'embedded')) {
    test(`works on ${name} as it does on embedded`, async () => {
      const lab = await routed(name)
      await on(lab, 'node1', 'iptables -P FORWARD DROP')
      const { code, stdout } = await lab.run('trace', 'red', 'green')
      expect(code).toBe(1)
      expect(stdout).toContain('in node1 chain FORWARD of table ip filter drops what no rule accepts (policy drop)')
    })
  }
})
