import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { labIn } from '../helpers/lab.ts'
import { eventually } from '../helpers/nodes.ts'
import { providersHere } from '../helpers/providers.ts'

const nodes = test.skipIf((await providersHere()).some(({ name, because }) => name === 'embedded' && because !== undefined))

const SHOP = `apiVersion: v1
kind: Pod
metadata: { name: front, namespace: shop, labels: { app: front } }
---
apiVersion: v1
kind: Pod
metadata: { name: back, namespace: shop, labels: { app: back } }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: from-front, namespace: shop }
spec:
  podSelector: { matchLabels: { app: back } }
  ingress:
  - from: [{ podSelector: { matchLabels: { app: front } } }]
    ports: [{ port: 8080 }]
`

function file(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'hardway-table-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'objects.yaml')
  writeFileSync(path, text)
  return path
}

test('prints who may reach whom, with the policy that decides, and needs no nodes', async () => {
  const { code, stdout, stderr } = await labIn().run('table', file(SHOP), '--port', '8080', '53/UDP')
  expect(stdout).toBe(`pods, TCP 8080
from ↓  to →  shop/front  shop/back
shop/front    ✓ 1         ✓ 2
shop/back     ✓ 3         ✓ 1
  1 a pod cannot block itself
  2 shop/from-front allows it (ingress[0])
  3 no policy selects either of them

pods, UDP 53
from ↓  to →  shop/front  shop/back
shop/front    ✓ 1         ✗ 2
shop/back     ✓ 3         ✓ 1
  1 a pod cannot block itself
  2 shop/from-front isolates shop/back for ingress, and no rule matches
  3 no policy selects either of them

✓ allowed   ✗ denied
`)
  expect(stderr).toBe('each node reaches the pods that it runs, whatever policies say\n')
  expect(code).toBe(0)
})

test('is one JSON document for scripts', async () => {
  const { code, stdout } = await labIn().run('table', file(SHOP), '--json')
  expect(JSON.parse(stdout)).toMatchObject({
    pods: [{ protocol: 'TCP', port: 8080, cells: [{}, { from: 'shop/front', to: 'shop/back', outcome: 'allowed', because: 'shop/from-front allows it (ingress[0])', by: ['shop/from-front'] }, {}, {}] }],
    services: { services: [], cells: [] },
  })
  expect(code).toBe(0)
})

test.for([
  ['a mistake has its line and column', ['FILE'], 'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: { name: p }\nspec: { podSelectr: {} }\n', /objects\.yaml:4:9: NetworkPolicy "p": strict decoding error: unknown field "spec\.podSelectr"/],
  ['a file that is not there', ['nothing.yaml'], '', /^lab: cannot read nothing\.yaml: there is no such file$/m],
  ['objects without a pod', ['FILE'], 'apiVersion: v1\nkind: Namespace\nmetadata: { name: x }\n', /^lab: no Pod is in .*: a table has pods/m],
  ['a port that is none', ['FILE', '--port', '99999'], SHOP, /^lab: "99999" is no port: use --port 8080 or --port 53\/UDP$/m],
] as const)('%s: exit status 2, and nothing on stdout', async ([, args, text, said]) => {
  const { code, stdout, stderr } = await labIn().run('table', ...args.map(arg => arg === 'FILE' ? file(text) : arg))
  expect(stderr).toMatch(said)
  expect(stdout).toBe('')
  expect(code).toBe(2)
})

describe('measured on the running lab', () => {
  const pod = (name: string, namespace: string, address: string): string => `apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: ${namespace}, labels: { app: ${name} } }
status: { podIP: ${address} }
---
`
  const objects = `${pod('red', 'a', '10.244.1.2')}${pod('green', 'b', '10.244.2.2')}apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: closed, namespace: b }
spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }
`
  nodes('a wrong answer stands out, with the sentence why, until all are right', async () => {
    const lab = labIn()
    expect(await lab.run('start', '05', '--no-watch', '--provider', 'embedded')).toMatchObject({ code: 0 })
    const on = (node: string, script: string) => lab.run('exec', node, '--', 'bash', '-ec', script)
    await Promise.all([1, 2].map(node => on(`node${node}`, `sysctl -qw net.ipv4.ip_forward=1; ip route add 10.244.${3 - node}.0/24 via 192.168.1.1${3 - node}`)))
    const path = file(objects)
    // An answer that comes after more than two seconds, as on a busy machine, is none: then it is asked again.
    const open = await eventually(() => lab.run('table', path, '--live', '--port', '80', '81/UDP'), ({ stderr }) => stderr.startsWith('1 of 12 '))
    expect(open.stdout).toBe(`TCP 80
                1  2 
1 a/red         ✓  ✓
2 b/green       ✓  ✓
  its own node  ✓  ✓

UDP 81
                1  2 
1 a/red         ✓ [✓]
2 b/green       ✓  ✓
  its own node  ✓  ✓

✓ answered   [ ] not as the objects say

a/red → b/green (UDP 81): answered, and is to be denied: b/closed isolates b/green for ingress,
  and no rule matches
`.replaceAll(/ +$/gm, ''))
    expect(open.stderr).toBe('1 of 12 answers are not as the objects say\n')
    expect(open.code).toBe(1)
    await on('node2', "nft 'add table ip walls; add chain ip walls through { type filter hook forward priority 0; }; add rule ip walls through ip daddr 10.244.2.0/24 udp dport 81 drop'")
    const { code, stdout } = await eventually(() => lab.run('table', path, '--live', '--port', '80', '81/UDP', '--json'), ran => ran.code === 0)
    expect(JSON.parse(stdout)).toMatchObject({ lab: '05-static-routes', wrong: 0 })
    expect((JSON.parse(stdout) as { cells: readonly unknown[] }).cells).toContainEqual({
      from: 'a/red', to: 'b/green', protocol: 'UDP', port: 81, expected: 'denied', measured: 'timeout', right: true,
      because: 'b/closed isolates b/green for ingress, and no rule matches', by: ['b/closed'],
    })
    expect(code).toBe(0)
  })

  nodes('pods without an address, and no lab: who is to be asked is said', async () => {
    expect(await labIn().run('table', file(SHOP), '--live')).toMatchObject({ code: 2, stderr: expect.stringContaining('no Pod has a status.podIP') as string })
    expect(await labIn().run('table', file(objects), '--live')).toMatchObject({ code: 3, stderr: expect.stringContaining('no lab is running') as string })
  })
})
