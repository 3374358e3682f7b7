// Reads Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** A number as it is written: these may be `NaN` and `+Inf`. */
  readonly value: string
}

/** All samples. What Prometheus would refuse is an error: there is no half of a scrape. */
export function readMetrics(text: string): readonly Sample[] {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line does not end')
  return text.split('\n').map(line => line.trim()).filter(line => line !== '' && !line.startsWith('#')).map(line => {
    const [, name = '', labels = '', value = ''] = /^([a-zA-Z_:][\w:]*)(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?\s+(\S+)(?:\s+-?\d+)?$/.exec(line) ?? []
    if (name === '' || !(NO_NUMBERS.has(value) || Number.isFinite(Number(value)))) throw new Error(`expected a sample, and got ${JSON.stringify(line.slice(0, 80))}`)
    return { name, labels: labelsOf(labels, line), value }
  })
}

const NO_NUMBERS: ReadonlySet<string> = new Set(['NaN', 'Inf', '+Inf', '-Inf'])

function labelsOf(text: string, line: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  let rest = text.trim()
  while (rest !== '') {
    const [whole = '', name = '', value = ''] = /^([a-zA-Z_]\w*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,\s*|$)/.exec(rest) ?? []
    if (whole === '') throw new Error(`expected labels, and got ${JSON.stringify(line.slice(0, 80))}`)
    labels[name] = value.replaceAll(/\\(.)/g, (_, escaped: string) => escaped === 'n' ? '\n' : escaped)
    rest = rest.slice(whole.length)
  }
  return labels
}
