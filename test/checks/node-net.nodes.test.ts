// A network made of the objects of an API: the reference of lab 26 passes each claim, and with one mistake it fails for the reason that it
// is one; what stands in for the API answers as the real one does.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { changesUnseen, followsNodes, outlivesApi, podsAddressed, survivesKills } from '../../checks/index.ts'
import { emptyNetwork, type Network } from './network.ts'
import { changeNothing, fails, passes, test, type Deed } from './on-nodes.ts'

const folder = new URL('../../labs/26-mini-cluster-net/files/', import.meta.url)
const pieces = new Map(readdirSync(folder).filter(name => !['cluster', 'restart-node-net'].includes(name)).map(name => [name, readFileSync(new URL(name, folder), 'utf8')]))
type Change = readonly [piece: string, from: string, to: string]

/** The whole program, with a few words of a piece changed. */
const withProgram = (...changes: readonly Change[]): Deed => async network => {
  const all = new Map(pieces)
  for (const [piece, from, to] of changes) {
    const text = all.get(piece) ?? ''
    if (!text.includes(from)) throw new Error(`${piece} has no ${from}`)
    all.set(piece, text.replace(from, () => to))
  }
  const script = [...all].map(([name, text]) => `install -D -m 755 /dev/stdin ${name === 'node-net' ? '/usr/local/bin' : '/usr/local/lib/node-net'}/${name} <<'END_OF_FILE'\n${text}END_OF_FILE`).join('\n')
  await network.node1`bash -ec ${script}`
}

const [kills, nodes, api, unseen] = [survivesKills('node1'), followsNodes('node1'), outlivesApi('node1'), changesUnseen('node1')]

describe('the reference of lab 26', () => {
  test('it can be read in a quarter of an hour', () => {
    expect([...pieces.values()].join('').split('\n').length).toBeLessThan(250)
  })
  for (const check of [kills, nodes, api, unseen]) passes(check.claim, emptyNetwork, check, withProgram())
  passes('who is kept out may be told so', emptyNetwork, unseen, withProgram(['policies.nft.jq', 'policies \\($chain) drop', 'policies \\($chain) reject']))
  changeNothing('looking leaves no file and no process', emptyNetwork, [nodes], withProgram())
})

describe('mistakes of a program that makes a network of objects', () => {
  fails('there is none', emptyNetwork, nodes, async () => {}, /^node1 has no program \/usr\/local\/bin\/node-net that can be run$/)
  fails('it gives addresses that are not the node\'s', emptyNetwork, nodes, withProgram(['pods.jq', '($self.spec.podCIDR | split("/"))', '["10.244.1.0", "24"]']), /^given objects that it has never seen, the pod pod-\w+ has 10\.244\.1\.\d+, and the node's range is 10\.\d+\.\d+\.\d+\/29$/)
  fails('pods that are gone stay', emptyNetwork, kills, withProgram(['pods.jq', '($spaces - [$whole[].space] | .[] | "del \\(.) \\(cable)"),', '']), /^killed 3 times while pods, Services and a policy came and went, and started again, .*(no pod's, and the kernel still has it|knows no address|network namespaces for)/)
  fails('policies are read once', emptyNetwork, kills, withProgram(['30-rules', 'nft.jq; do\n', 'nft.jq; do\n  case $filter in */policies*) nft list table ip policies 2>/dev/null | grep -q jump && continue ;; esac\n']), /^killed 3 times while pods, Services and a policy came and went, and started again, the pod \S+ is not reached at \S+ from another node$/)
  fails('a node that left stays', emptyNetwork, nodes, withProgram(['20-routes', '([$has[].dst] - [$nodes[].range] | .[] | "route del \\(.) proto 27"),', '']), /^when the node 192\.168\.1\.113 has left, 10\.\S+ is gone from the API, and the kernel still has it: 10\.\S+ via 192\.168\.1\.113/)
  fails('no answer is taken for an empty cluster', emptyNetwork, api, withProgram(['node-net', 'select(length == $count) |', '']), /^while the API does not answer, (10\.\S+, the range of the node \S+, is sent|the Service web-\w+ is not answered|the pod \S+ is reached)/)
  fails('it does not come back', emptyNetwork, api, withProgram(['node-net', '  sleep 0.2\n', '  exit\n']), /^when the API answers again, /)
  fails('rules are flushed first', emptyNetwork, unseen, withProgram(['30-rules', 'done) && nft', 'done) && nft flush ruleset && nft']), /^while the rules were made anew, (\d+ of \d+ new connections to \S+ were lost|the pod \S+ was reached)/)
})

describe('who has which address', () => {
  const now = podsAddressed({ on: 'node1', port: 8001 })
  const object = (ip?: string) => JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop' }, spec: { nodeName: 'node1', containers: [{ name: 'main', image: 'main' }] }, status: ip === undefined ? {} : { podIP: ip } })
  const node = JSON.stringify({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1' }, spec: { podCIDR: '10.7.3.32/28' }, status: { addresses: [{ type: 'InternalIP', address: '192.168.1.11' }] } })
  const having = (told: string | undefined, held?: string): Deed => network => network.node1`bash -ec ${`api-server --background 8001 <<'END'\n${node}\n${object(told)}\nEND\n${held === undefined ? '' : `ip netns add one; ip -n one link set lo up; ip -n one addr add ${held}/32 dev lo`}`}`
  passes('it is there, and said', emptyNetwork, now, having('10.7.3.34', '10.7.3.34'))
  fails('nobody has said it', emptyNetwork, now, having(undefined, '10.7.3.34'), /^the API knows no address of shop\/web: its status has no podIP$/)
  fails('it is of another range', emptyNetwork, now, having('10.7.3.49', '10.7.3.49'), /^shop\/web has the address 10\.7\.3\.49, and pods of node1 have their addresses from 10\.7\.3\.32\/28, without its first and last$/)
  fails('one more has one of the range', emptyNetwork, now, async network => {
    await having('10.7.3.34', '10.7.3.34')(network)
    await network.node1`ip netns add two; ip -n two link add to-one type bridge; ip -n two addr add 10.7.3.35/32 dev to-one`
  }, /^node1\/two has 10\.7\.3\.35, an address of node1's range, and the API knows no pod with it$/)
  fails('nobody has it', emptyNetwork, now, having('10.7.3.34', '10.7.3.35'), /^the API says that shop\/web has 10\.7\.3\.34, and no namespace has that address$/)
})

describe('what stands in for the API', () => {
  const asked = async (network: Network, script: string): Promise<string> => (await network.node1`bash -ec ${script}`).stdout
  const url = 'http://127.0.0.1:8001/api/v1'
  test('an object that is put keeps its status, a status has a path of its own, and who watches sees each change', async () => {
    const network = await emptyNetwork()
    expect(await asked(network, `api-server --background 8001 </dev/null
      # As long as all of this may take; and it watches when it has been answered, and not sooner.
      curl -sN -m 55 -D /tmp/watches '${url}/pods?watch=1' >/tmp/watched & watch=$!
      until [ -s /tmp/watches ]; do :; done
      put() { curl -sf -o /dev/null -X "$1" -d "$3" ${url}/namespaces/shop/"$2"; }
      put PUT pods/web '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}}, "spec": {"nodeName": "n"}}'
      put PATCH pods/web/status '{"status": {"podIP": "10.0.0.9"}}'
      put PUT services/web '{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"clusterIP": "10.1.0.1", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}'
      curl -sf http://127.0.0.1:8001/apis/discovery.k8s.io/v1/endpointslices | jq -c '.kind, (.items[] | [.ports[0].port, .endpoints[0].addresses[0]])'
      put PUT pods/web '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}, "spec": {"nodeName": "n"}}'
      curl -sf ${url}/namespaces/shop/pods | jq -c '.items[] | [.metadata.labels, .status.podIP]'
      curl -sf http://127.0.0.1:8001/apis/discovery.k8s.io/v1/endpointslices | jq -c '.items[].endpoints'
      put DELETE pods/web ''
      until grep -q DELETED /tmp/watched; do :; done
      kill $watch
      jq -c .type /tmp/watched
      curl -s -o /dev/null -w '%{http_code}' ${url}/namespaces/shop/pods/web`)).toBe('"EndpointSliceList"\n[8080,"10.0.0.9"]\n[null,"10.0.0.9"]\n[]\n"ADDED"\n"MODIFIED"\n"MODIFIED"\n"DELETED"\n404')
  })
})
