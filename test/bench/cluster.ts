// Lab 23 by its printed commands, on fresh nodes: when its control plane is ready, when both nodes are, and what memory it takes then.
// Prints `controlPlane ready memory`: milliseconds since the start, twice, and kibibytes.
import { courseRoot, loadLab } from '../../runner/engine/course.ts'
import { bringTo, solve, stepsOf } from '../../runner/engine/session.ts'
import { chosen } from '../helpers/chosen.ts'

const provider = await chosen('embedded')
await provider.prepare({ say: () => {} })
const loaded = await loadLab(courseRoot(), '23-hard-way')
const steps = stepsOf(loaded)
const lab = `bench-${process.pid}`
try {
  const started = performance.now()
  await provider.up(lab, loaded.topology, { signal: new AbortController().signal, keep: false })
  const nodes = await provider.nodes(lab)
  const at = async (place: string, script: string): Promise<string> => {
    const node = nodes.find(({ name }) => name === place)
    const done = await node?.exec(['bash', '-ec', script], { timeoutMs: 120_000 })
    if (done?.exitCode !== 0) throw new Error(`${place}: ${script}: ${done?.stderr ?? 'it is gone'}`)
    return done.stdout
  }
  // Its setup, and nothing else.
  await bringTo(loaded, nodes, steps[0]?.text.id ?? '')
  const times: number[] = []
  for (const { text, step } of steps) {
    await solve(text, step, nodes)
    if (text.id === 'controllers') await at('server', 'kubectl get --raw /readyz >/dev/null')
    if (text.id === 'cni') await at('server', 'kubectl wait --for=condition=Ready nodes --all --timeout=60s >/dev/null')
    if (text.id === 'controllers' || text.id === 'cni') times.push(Math.round(performance.now() - started))
  }
  let memory = 0
  for (const { name } of nodes) {
    // What is shared is counted once: a part of it for each that shares it.
    if (name !== 'fabric') memory += Number(await at(name, "cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk '/^Pss:/ { sum += $2 } END { print sum }'"))
  }
  process.stdout.write(`${[...times, memory].join(' ')}\n`)
} finally {
  await provider.down(lab)
}
