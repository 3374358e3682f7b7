// Drawings for pages, made from what was recorded when the labs were done on nodes.
import type { Claimed, LabRecord } from '../runner/core/record.ts'
import type { Hop, Rewrite, Trace } from '../runner/core/trace.ts'
import type { CourseLab } from './course.ts'
import { graphOf } from './draw/graph.ts'
import { layoutOf } from './draw/layout.ts'
import { svgOf } from './draw/svg.ts'
import { gridsHtml } from './grid.ts'
import { html, type Html } from './html.ts'
import { placeClass } from './places.ts'

export interface Pictures {
  /** By the step's id. */
  readonly steps: ReadonlyMap<string, Html>
  /** The way of a packet through the finished lab. */
  readonly trace: Html | undefined
  /** By the fault's name. */
  readonly faults: ReadonlyMap<string, Html>
}

export const NONE: Pictures = { steps: new Map(), trace: undefined, faults: new Map() }

export async function picturesOf({ topology }: CourseLab, record: LabRecord): Promise<Pictures> {
  const draw = async (observed: LabRecord['steps'][number]['observed'], title: string, trace?: Trace): Promise<Html> => {
    const graph = graphOf(observed, topology.segments.map(({ name }) => name))
    return svgOf(graph, await layoutOf(graph), { colour: node => placeClass(topology, node), title, ...(trace === undefined ? {} : { trace }) })
  }
  const last = record.steps.at(-1)
  return {
    steps: new Map(await Promise.all(record.steps.map(async ({ step, observed, tables }) => [step, html`${figure(await draw(observed, 'The network when this step is done'), 'When the step is done, as the kernels have it')}
${tables.map(told)}`] as const))),
    trace: record.trace === undefined || last === undefined ? undefined : played(await draw(last.observed, `The way of a packet from ${record.trace.from.name} to ${record.trace.to.name}`, record.trace), record.trace),
    faults: new Map(await Promise.all(record.faults.map(async ({ name, observed, failing, trace }) => [name, html`
${failing.length === 0 ? undefined : html`<ul class="claims">${failing.map(({ claim, because, grids }) => html`<li class="no"><i aria-hidden="true">✗</i><span>${claim}<span class="because">${because}</span>${gridsHtml(grids)}</span></li>`)}</ul>`}
${trace === undefined ? figure(await draw(observed, 'The network with this fault'), 'The network with this fault, as the kernels have it') : played(await draw(observed, `Where a packet from ${trace.from.name} to ${trace.to.name} ends`, trace), trace)}`] as const))),
  }
}

/** A table that was measured when the step was done. */
function told({ claim, grids }: Claimed): Html {
  return html`<details class="measured"><summary>Who reached whom then</summary><p class="aside">${claim}</p>${gridsHtml(grids)}</details>`
}

function figure(svg: Html, caption: string): Html {
  return html`<figure class="picture"><div class="scrolls" tabindex="0" role="group" aria-label="${caption}">${svg}</div><figcaption class="aside">${caption}</figcaption></figure>`
}

/** A packet's hops in the order in which it lived; a script walks through them. */
function played(svg: Html, trace: Trace): Html {
  const caption = `${trace.from.name} → ${trace.to.name}, ${trace.probe.protocol}: recorded on real nodes`
  return html`<div class="trace-player">${figure(svg, caption)}
<ol class="hops">${[...trace.there.map(hop => hopItem(hop, 'there')), ...trace.back.map(hop => hopItem(hop, 'back'))]}</ol>
${trace.cause === undefined ? html`<p>Answered.</p>` : html`<p class="ended"><b>✗ ${trace.cause.sentence}</b></p><ul class="evidence">${trace.cause.evidence.map(line => html`<li><code>${line}</code></li>`)}</ul>`}
${trace.notes.map(({ sentence }) => html`<p class="aside">${sentence}</p>`)}</div>`
}

function hopItem({ place, device, direction, from, to, ttl, rewrites }: Hop, way: 'there' | 'back'): Html {
  return html`<li class="${way}"><span class="mono">${place} ${device} ${direction}</span> <span class="aside">${from} → ${to}, TTL ${ttl}</span>${rewrites.map(rewrite => html` <span class="rewrite">${said(rewrite)}</span>`)}</li>`
}

function said(rewrite: Rewrite): string {
  switch (rewrite.what) {
    case 'source': case 'destination': return `${rewrite.what} ${rewrite.from} becomes ${rewrite.to}`
    case 'ttl': return `TTL ${rewrite.from} becomes ${rewrite.to}`
    case 'wrapped': return `put into ${rewrite.carrier.kind}, ${rewrite.carrier.from} → ${rewrite.carrier.to}`
    case 'unwrapped': return `taken out of ${rewrite.carrier.kind}`
  }
}
