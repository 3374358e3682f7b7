import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { labIn } from '../helpers/lab.ts'

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
