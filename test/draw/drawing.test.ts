// The drawing: from recorded states of kernels to boxes, to places, to SVG. Needs no nodes.
import { describe, expect, test } from 'vitest'
import type { Observed, ObservedLink, ObservedNamespace } from '../../runner/core/observed.ts'
import { graphOf, whereIs, type Graph } from '../../site/draw/graph.ts'
import { layoutOf, type Layout, type Place } from '../../site/draw/layout.ts'
import { idsOf, svgOf } from '../../site/draw/svg.ts'
import { routed } from '../../site/draw/trace-path.ts'
import { hop, lab05, lost, there } from '../helpers/record.ts'

const link = (name: string, rest: Partial<ObservedLink> = {}): ObservedLink => ({
  name, index: 1, kind: 'veth', up: true, carrier: true, arp: true, mtu: 1500, mac: undefined, master: undefined, peer: undefined, segment: undefined,
  addresses: [], bridge: undefined, port: undefined, tunnel: undefined, ...rest,
})
const namespace = (place: string, links: readonly ObservedLink[], rest: Partial<ObservedNamespace> = {}): ObservedNamespace => ({
  place, node: place.split('/')[0] ?? '', named: place.split('/')[1], own: !place.includes('/'), inode: 1, links, routes: [], rules: [], neighbours: [], forwarding: [], chains: [], sets: [], settings: {}, ...rest,
})

/** Nodes with so many pods each, on bridges, on one segment. */
function cluster(nodes: number, pods: number): Observed {
  return {
    nodes: Array.from({ length: nodes }, (_, at) => {
      const name = `node${at + 1}`
      const names = Array.from({ length: pods }, (_, index) => `pod${index + 1}`)
      return {
        name,
        namespaces: [
          namespace(name, [
            link('eth0', { segment: 'fab', addresses: [`192.168.1.${11 + at}/24`] }), link('cni0', { kind: 'bridge', addresses: [`10.244.${at}.1/24`], bridge: { ports: names.map(pod => `veth-${pod}`), stp: false, vlanFiltering: false } }),
            ...names.map(pod => link(`veth-${pod}`, { master: 'cni0', peer: { place: `${name}/${pod}`, link: 'eth0' } })),
          ], { settings: { 'net.ipv4.ip_forward': '1' }, routes: [{ table: 'main', kind: 'unicast', to: '10.244.0.0/16', hops: [{ via: '192.168.1.1', device: 'eth0', onlink: false, weight: undefined }], source: undefined, metric: undefined, mtu: undefined, protocol: 'boot' }] }),
          ...names.map((pod, index) => namespace(`${name}/${pod}`, [link('eth0', { addresses: [`10.244.${at}.${index + 2}/24`], peer: { place: name, link: `veth-${pod}` } })])),
        ],
      }
    }),
  }
}

const boxesOf = (graph: Graph) => [...graph.nodes.flatMap(({ boxes }) => boxes), ...graph.segments]
const inside = (inner: Place, outer: Place): boolean => inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.width <= outer.x + outer.width && inner.y + inner.height <= outer.y + outer.height
const apart = (one: Place, other: Place): boolean => one.x + one.width <= other.x || other.x + other.width <= one.x || one.y + one.height <= other.y || other.y + other.height <= one.y

function placeOf(layout: Layout, id: string): Place {
  const place = layout.places.get(id)
  if (place === undefined) throw new Error(`${id} has no place`)
  return place
}

describe('the graph', () => {
  test('has a box for each pod, bridge and interface, and a wire for each pair', () => {
    const graph = graphOf(lab05, ['fab'])
    const [node1] = graph.nodes
    expect(node1?.boxes.map(({ id, kind }) => `${kind} ${id}`)).toEqual(['namespace node1/blue', 'namespace node1/red', 'link node1 eth0', 'bridge node1 cni0', 'routes node1 routes'])
    expect(graph.wires.filter(({ id }) => id.startsWith('node1 ')).map(({ from, to, kind, label }) => [from, to, kind, label])).toEqual([
      ['node1 eth0', 'segment fab', 'segment', undefined], ['node1/red', 'node1 cni0', 'veth', 'veth-red'], ['node1/blue', 'node1 cni0', 'veth', 'veth-blue']])
  })

  test('a wire of the topology that was put into a pod leads from the pod to its segment, and a trace finds it by its name in the fabric', () => {
    const rails = Array.from({ length: 8 }, (_, at) => link(`net${at + 1}`, { addresses: [`10.5${at}.0.10/16`], moved: { segment: `rail${at}`, fabric: `node1-rail${at}` } }))
    const graph = graphOf({ nodes: [{ name: 'node1', namespaces: [namespace('node1', [link('eth0', { segment: 'fab' })]), namespace('node1/worker', rails)] }] }, ['fab', 'rail0', 'rail1'])
    expect(graph.wires.filter(({ from }) => from === 'node1/worker').slice(0, 2).map(({ to, kind }) => [to, kind])).toEqual([['segment rail0', 'segment'], ['segment rail1', 'segment']])
    expect(whereIs(graph, 'fabric', 'node1-rail1')).toEqual({ wire: 'node1/worker net2 wire' })
    // All of its interfaces are named, though they are more than lines are shown of other things.
    expect(boxesOf(graph).find(({ id }) => id === 'node1/worker')?.lines.map(({ text }) => text)).toEqual(rails.map(({ name, addresses }) => `${addresses[0] ?? ''} ${name}`))
  })

  test('a macvlan in a pod leads to the card of the node that it is a part of', () => {
    const graph = graphOf({ nodes: [{ name: 'node1', namespaces: [namespace('node1', [link('rail0', { segment: 'rail0' })]), namespace('node1/a0', [link('net1', { kind: 'macvlan', lower: { place: 'node1', link: 'rail0' } })])] }] }, ['rail0'])
    expect(graph.wires.map(({ from, to, kind }) => [from, to, kind])).toEqual([['node1/a0', 'node1 rail0', 'over'], ['node1 rail0', 'segment rail0', 'segment']])
  })

  test('says what a pod has: its address and its way out', () => {
    expect(boxesOf(graphOf(lab05, [])).find(({ id }) => id === 'node1/red')?.lines.map(({ text }) => text)).toEqual(['10.244.1.2/24', 'default via 10.244.1.1'])
  })

  test('has no wire to a bridge for a veth that is a port of none', () => {
    const free: Observed = { nodes: [{ name: 'node1', namespaces: [
      namespace('node1', [link('cni0', { kind: 'bridge', bridge: { ports: [], stp: false, vlanFiltering: false } }), link('veth-red', { peer: { place: 'node1/red', link: 'eth0' } })]),
      namespace('node1/red', [link('eth0', { peer: { place: 'node1', link: 'veth-red' } })]),
    ] }] }
    expect(graphOf(free, []).wires.filter(({ to }) => to === 'node1 cni0')).toEqual([])
  })

  test('shows what is down, what is tunnelled and over what, and what is filtered', () => {
    const observed: Observed = { nodes: [{ name: 'node1', namespaces: [namespace('node1', [
      link('eth0', { segment: 'fab', up: false }),
      link('flannel.1', { kind: 'vxlan', mtu: 1450, addresses: ['10.244.1.0/32'], tunnel: { id: 1, port: 8472, local: '192.168.1.11', remote: undefined, over: 'eth0', learning: false } }),
    ], { chains: [{ tool: 'nft', family: 'ip', table: 'filter', name: 'FORWARD', hook: 'type filter hook forward priority filter', policy: 'drop', rules: [{ text: 'ip daddr 10.0.0.0/8 accept', handle: 1 }] }] })] }] }
    const graph = graphOf(observed, ['fab'])
    const box = (id: string) => boxesOf(graph).find(one => one.id === id)
    expect(box('node1 eth0')?.down).toBe(true)
    expect(box('node1 flannel.1')).toMatchObject({ kind: 'tunnel', lines: [{ text: '10.244.1.0/32' }, { text: 'id 1 · port 8472' }, { text: 'mtu 1450' }] })
    expect(graph.wires.find(({ kind }) => kind === 'over')).toMatchObject({ from: 'node1 flannel.1', to: 'node1 eth0' })
    expect(box('node1 rules')?.lines.map(({ text }) => text)).toEqual(['FORWARD: policy drop', 'FORWARD: ip daddr 10.0.0.0/8 accept'])
  })

  test('leaves out the pod that a check makes for a moment', () => {
    const [node] = cluster(1, 1).nodes
    const visited: Observed = { nodes: [{ name: 'node1', namespaces: (node?.namespaces ?? []).map(one => one.own
      ? { ...one, links: [...one.links.map(each => each.bridge === undefined ? each : { ...each, bridge: { ...each.bridge, ports: [...each.bridge.ports, 'hwfresh-1'] } }), link('hwfresh-1', { master: 'cni0', peer: { place: 'node1/net:[7]', link: 'eth0' } })] }
      : one).concat(namespace('node1/net:[7]', [link('eth0', { peer: { place: 'node1', link: 'hwfresh-1' } })], { named: undefined })) }] }
    expect(graphOf(visited, ['fab'])).toEqual(graphOf(cluster(1, 1), ['fab']))
  })
})

describe('the layout', () => {
  for (const [title, observed, segments] of [['lab 05', lab05, ['fab']], ['3 nodes with 6 pods each', cluster(3, 6), ['fab']], ['16 nodes', cluster(16, 2), ['fab']]] as const) {
    test(`of ${title} has everything in its node, and nothing on anything else`, async () => {
      const graph = graphOf(observed, segments)
      const layout = await layoutOf(graph)
      for (const node of graph.nodes) {
        for (const box of node.boxes) expect(inside(placeOf(layout, box.id), placeOf(layout, `node ${node.name}`)), box.id).toBe(true)
      }
      const boxes = boxesOf(graph).map(({ id }) => [id, placeOf(layout, id)] as const)
      const over = boxes.flatMap(([id, place], index) => boxes.slice(0, index).flatMap(([other, at]) => apart(place, at) ? [] : [`${id} on ${other}`]))
      expect(over).toEqual([])
    })

    test(`of ${title} has pods above their bridge, that above the wires between nodes, and a router without pods below these`, async () => {
      const graph = graphOf(observed, segments)
      const layout = await layoutOf(graph)
      for (const { from, to, id } of graph.wires) {
        const [upper, lower] = from.startsWith('router ') ? [to, from] : [from, to]
        expect(placeOf(layout, upper).y, id).toBeLessThan(placeOf(layout, lower).y)
        expect(layout.paths.get(id)?.length, id).toBeGreaterThan(1)
      }
    })

    test(`of ${title} has wires that begin and end at their boxes`, async () => {
      const graph = graphOf(observed, segments)
      const layout = await layoutOf(graph)
      const touches = (place: Place, point: { x: number; y: number } | undefined): boolean => point !== undefined && inside({ ...point, width: 0, height: 0 }, { x: place.x - 1, y: place.y - 1, width: place.width + 2, height: place.height + 2 })
      const loose = graph.wires.filter(({ id, from, to }) => {
        const path = layout.paths.get(id)
        return !touches(placeOf(layout, from), path?.[0]) || !touches(placeOf(layout, to), path?.at(-1))
      })
      expect(loose.map(({ id }) => id)).toEqual([])
    })
  }
})

describe('a trace', () => {
  test('passes boxes and wires that are drawn', () => {
    const graph = graphOf(lab05, ['fab'])
    expect(there.map(({ place, device }) => whereIs(graph, place, device))).toEqual([
      { box: 'node1/red' }, { wire: 'node1 veth-red' }, { box: 'node1 cni0' }, { box: 'node1 eth0' }, { wire: 'node1 eth0 wire' }, { wire: 'node2 eth0 wire' }, { box: 'node2 eth0' }])
  })

  test('runs from the pod to where it ended, at right angles', async () => {
    const graph = graphOf(lab05, ['fab'])
    const layout = await layoutOf(graph)
    const points = routed(there, graph, layout, -5)
    const [red, eth0] = [placeOf(layout, 'node1/red'), placeOf(layout, 'node2 eth0')]
    expect(points[0]?.y).toBeCloseTo(red.y + red.height)
    expect(points.at(-1)?.y).toBeCloseTo(eth0.y + eth0.height)
    for (const [index, point] of points.slice(1).entries()) {
      const before = points[index]
      expect(Math.min(Math.abs(point.x - (before?.x ?? 0)), Math.abs(point.y - (before?.y ?? 0))), `${index}: ${JSON.stringify([before, point])}`).toBeLessThan(1)
    }
  })

  test('of what is not drawn runs nowhere', async () => {
    const graph = graphOf(lab05, ['fab'])
    expect(routed([hop('node9', 'eth0', 'in')], graph, await layoutOf(graph), -5)).toEqual([])
  })
})

describe('the SVG', () => {
  const drawn = { colour: () => 'n1', title: 'a network' }

  test('has what a node says as text, whatever it looks like', async () => {
    const graph = graphOf({ nodes: [{ name: 'node1', namespaces: [namespace('node1', [link('<b>"&', { kind: 'dummy', addresses: ['10.0.0.1/8'] })])] }] }, [])
    const { text } = svgOf(graph, await layoutOf(graph), drawn)
    expect(text).toContain('&lt;b&gt;&quot;&amp;')
    expect(text).not.toContain('<b>')
  })

  test('marks what was not there before', async () => {
    const before = idsOf(graphOf(cluster(1, 1), ['fab']))
    const graph = graphOf(cluster(1, 2), ['fab'])
    const fresh = new Set([...idsOf(graph)].filter(id => !before.has(id)))
    expect([...fresh]).toEqual(['node1/pod2', 'node1/pod2 10.244.0.3/24', 'node1 cni0 bridge, 2 ports', 'node1 veth-pod2'])
    const { text } = svgOf(graph, await layoutOf(graph), { ...drawn, fresh })
    expect(text.match(/ new"/g)).toHaveLength(3)
    expect(svgOf(graph, await layoutOf(graph), drawn).text).not.toContain(' new"')
  })

  test('says why a packet went no further, and marks where', async () => {
    const graph = graphOf(lab05, ['fab'])
    const { text } = svgOf(graph, await layoutOf(graph), { ...drawn, trace: lost })
    expect(text).toContain('node2 received it on eth0 and dropped it: net.ipv4.ip_forward is 0</text>')
    expect(text).toContain('class="ended"')
  })

  test('is for those too who do not see it', async () => {
    const graph = graphOf(cluster(1, 1), ['fab'])
    expect(svgOf(graph, await layoutOf(graph), drawn).text).toMatch(/^<svg [^>]*role="img" aria-label="a network">/)
  })
})
