import type { Check } from '../runner/core/bench.ts'
import { list } from '../runner/core/quoted.ts'
import { fail, pass, type Evidence } from '../runner/core/verdict.ts'
import { endOf, endsOf, ownerOf, type End } from './ends.ts'
import type { Ends } from './node-port.ts'
import { readMetrics, type Sample } from './read/metrics.ts'

const SCRAPE_S = 3
/** The sample by which an exporter of this course says where it runs. */
const WHERE = { name: 'exporter_info', label: 'netns' } as const

/** `ext scrapes the metrics of exporter by port 31175 of node1, node2 and node3`: over HTTP, as Prometheus does, and reads each line. */
export function scrapes(from: End, exporter: End, port: number, nodes: Ends): Check {
  const [client, pod, asked] = [endOf(from), endOf(exporter), endsOf(nodes)]
  return {
    claim: `${client.name} scrapes the metrics of ${pod.name} by port ${port} of ${list(asked.map(end => end.name))}`,
    look: async bench => {
      const [owner, holder] = await Promise.all([ownerOf(bench, client), ownerOf(bench, pod)])
      if ('because' in owner) return fail(owner.because, ...owner.evidence)
      if ('because' in holder) return fail(holder.because, ...holder.evidence)
      const scraped = await Promise.all(asked.map(async node => ({
        node, evidence: await owner.namespace.place.exec(['curl', '-sS', '--include', '--max-time', String(SCRAPE_S), `http://${node.address}:${port}/metrics`]),
      })))
      for (const { node, evidence } of scraped) {
        const wrong = mistake(evidence, holder.namespace.inode)
        if (wrong !== undefined) return fail(`by ${node.name}: ${wrong}`, evidence)
      }
      const [first, ...rest] = scraped.map(({ evidence }) => evidence)
      if (first === undefined) throw new Error('nothing was scraped')
      return pass(first, ...rest)
    },
  }
}

function mistake({ exitCode, stdout, stderr }: Evidence, inode: number): string | undefined {
  if (exitCode !== 0) return stderr.trim().replace(/^curl: \(\d+\) /, '') || 'no answer'
  const [head = '', ...body] = stdout.split('\r\n\r\n')
  const status = /^HTTP\/\S+ (\d{3})/.exec(head)?.[1]
  if (status !== '200') return `the answer is ${status ?? 'no HTTP'}`
  if (!/^content-type: *text\/plain; *version=0\.0\.4/im.test(head)) return 'the answer does not say that it is metrics'
  let samples: readonly Sample[]
  try {
    samples = readMetrics(body.join('\r\n\r\n'))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
  const where = samples.find(({ name }) => name === WHERE.name)?.labels[WHERE.label]
  if (where === `net:[${inode}]`) return undefined
  return where === undefined ? 'these are not the metrics of the exporter' : `these are the metrics of one in ${where}`
}
