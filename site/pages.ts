// Every page of the static site, as text.
import type { Step } from '../runner/core/lab.ts'
import { faultsOf, type Course, type CourseCheck, type CourseLab, type Fault } from './course.ts'
import type { Highlight } from './highlight.ts'
import { html, type Html } from './html.ts'
import { page } from './layout.ts'
import { NONE, type Pictures } from './pictures.ts'
import { proseHtml, type ProseContext } from './prose.ts'

export interface Page {
  /** From the site's root, with forward slashes. */
  readonly path: string
  readonly title: string
  readonly kind: 'lab' | 'check' | 'fault' | 'glossary' | 'course'
  readonly body: Html
}

/** `pictures`: by the lab's slug; labs that were not recorded have none. */
export function pagesOf(course: Course, highlight: Highlight, pictures: ReadonlyMap<string, Pictures> = new Map()): readonly Page[] {
  const context = (root: string, lab?: CourseLab): ProseContext => ({ highlight, topology: lab?.topology, terms: course.terms, linked: new Set(), root })
  const faults = faultsOf(course)
  return [
    { path: 'index.html', title: 'The course', kind: 'course', body: coursePage(course, faults) },
    ...course.labs.map((lab, index): Page => ({
      path: `labs/${lab.slug}.html`, title: titleOf(lab), kind: 'lab', body: labPage(course, index, context('../', lab), pictures.get(lab.slug) ?? NONE),
    })),
    ...(course.terms.length === 0 ? [] : [{ path: 'glossary.html', title: 'Glossary', kind: 'glossary' as const, body: glossaryPage(course, context('')) }]),
    { path: 'checks/index.html', title: 'Checks', kind: 'check', body: checksPage(course) },
    ...course.checks.map((check): Page => ({ path: `checks/${check.name}.html`, title: check.name, kind: 'check', body: checkPage(check, course, context('../')) })),
    { path: 'faults/index.html', title: 'Faults', kind: 'fault', body: faultsPage(course, faults) },
    ...faults.map((fault): Page => ({ path: `faults/${fault.slug}.html`, title: sentence(fault.name), kind: 'fault', body: faultPage(fault, (pictures.get(fault.lab.slug) ?? NONE).faults.get(fault.name)) })),
  ]
}

export function rendered(course: Course, all: readonly Page[]): ReadonlyMap<string, string> {
  return new Map(all.map(one => [one.path, page(one, course).text]))
}

export function titleOf({ slug, lesson }: CourseLab): string {
  return `${slug.slice(0, 2)} · ${lesson.title}`
}

function coursePage(course: Course, faults: readonly Fault[]): Html {
  const minutes = course.labs.reduce((sum, { lesson }) => sum + lesson.minutes, 0)
  return html`<div class="narrow">
<h1>Kubernetes networking, the hard way</h1>
<p class="lead">You build what a network plugin builds, by hand, on real Linux nodes that are there in a fraction of a second, and after each command you are told
what the kernel does now, what it does not do yet, and why.</p>
<figure class="fence plain"><figcaption><span>in a clone of the repository</span><button class="copy" type="button">copy</button></figcaption><pre tabindex="0"><code>npx lab start</code></pre></figure>
<h2>The labs</h2>
<p class="aside">${course.labs.length} labs, ${Math.floor(minutes / 60)} hours and ${minutes % 60} minutes, ${faults.length} faults to find.</p>
<ol class="labs">${course.labs.map(({ slug, lesson }) => html`
<li><a href="labs/${slug}.html"><span class="number">${slug.slice(0, 2)}</span><span class="name">${lesson.title}</span><span class="aside">${lesson.steps.length} steps · ${lesson.minutes} min</span></a></li>`)}
</ol></div>`
}

function labPage({ labs }: Course, index: number, context: ProseContext, pictures: Pictures): Html {
  const [before, at, after] = [labs[index - 1], labs[index], labs[index + 1]]
  if (at === undefined) throw new Error(`there is no lab ${index}`)
  const { lesson, lab, slug } = at
  return html`<div class="lesson">
<nav class="steps" aria-label="Steps"><p class="aside">Lab ${slug.slice(0, 2)} · ${lesson.minutes} min</p><ol>${lesson.steps.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ol>
${lesson.reading === undefined ? undefined : html`<p><a href="#reading">What real systems do</a></p>`}
<p class="aside">Do it: <code>npx lab start ${slug.slice(0, 2)}</code></p></nav>
<article>
<h1>${lesson.title}</h1>
${proseHtml(lesson.intro, context)}
${lesson.steps.map((step, number) => html`<section id="${step.id}" class="step">
<p class="aside">Step ${number + 1} of ${lesson.steps.length}</p>
<h2>${step.title}<a class="anchor" href="#${step.id}" aria-label="Link to this step">#</a></h2>
${proseHtml(step.markdown, context)}
${pictures.steps.get(step.id)}
${claims(lab.steps[step.id])}
</section>`)}
${pictures.trace === undefined ? undefined : html`<section id="packet" class="step"><h2>A packet through the finished lab<a class="anchor" href="#packet" aria-label="Link to this section">#</a></h2>${pictures.trace}</section>`}
${lesson.reading === undefined ? undefined : html`<section id="reading" class="reading"><h2>What real systems do<a class="anchor" href="#reading" aria-label="Link to this section">#</a></h2>${proseHtml(lesson.reading, context)}</section>`}
<nav class="turn" aria-label="Labs">${before === undefined ? html`<span></span>` : html`<a rel="prev" href="${before.slug}.html">← ${titleOf(before)}</a>`}${after === undefined ? html`<span></span>` : html`<a rel="next" href="${after.slug}.html">${titleOf(after)} →</a>`}</nav>
</article></div>`
}

function claims(step: Step | undefined): Html | undefined {
  if (step === undefined) return undefined
  const wrong = Object.entries(step.mutants ?? {})
  return html`<div class="holds"><h3>When the step is done</h3><ul class="claims">${step.checks.map(({ claim }) => html`<li><i aria-hidden="true">○</i>${claim}</li>`)}</ul>
${wrong.length === 0 ? undefined : html`<details><summary>${wrong.length} wrong ways, each refused by the claim that names its mistake</summary><ul class="wrong">${wrong.map(([name, { refusedBy }]) =>
  html`<li>${sentence(name)}<br><span class="aside">refused by: ${refusedBy}</span></li>`)}</ul></details>`}</div>`
}

function glossaryPage({ terms }: Course, context: ProseContext): Html {
  return html`<div class="narrow"><h1>Glossary</h1><dl class="glossary">${terms.map(({ id, name, names, markdown }) => html`
<dt id="${id}">${name}${names.length > 1 ? html` <span class="aside">also ${names.slice(1).join(', ')}</span>` : undefined}</dt><dd>${proseHtml(markdown, { ...context, linked: new Set([id]) })}</dd>`)}</dl></div>`
}

function checksPage({ checks }: Course): Html {
  const groups = [...new Set(checks.map(({ group }) => group))]
  return html`<div class="narrow"><h1>Checks</h1><p>What the labs ask of the kernel. Each is a claim, a full sentence, and a look that answers it and changes nothing.</p>
${groups.map(group => html`<h2>${group}</h2><ul>${checks.filter(check => check.group === group).map(({ name, says }) => html`<li><a href="${name}.html"><code>${name}</code></a> ${firstSentence(says)}</li>`)}</ul>`)}</div>`
}

function checkPage({ name, says, usedBy }: CourseCheck, { labs }: Course, context: ProseContext): Html {
  const using = labs.filter(({ slug }) => usedBy.includes(slug))
  return html`<div class="narrow"><p class="aside"><a href="index.html">Checks</a></p><h1><code>${name}</code></h1>
${says === '' ? undefined : proseHtml(says, context)}
${using.length === 0 ? html`<p class="aside">No lab uses it yet.</p>` : html`<h2>In the labs</h2><ul>${using.map(lab => html`<li><a href="../labs/${lab.slug}.html">${titleOf(lab)}</a></li>`)}</ul>`}</div>`
}

function faultsPage({ labs }: Course, faults: readonly Fault[]): Html {
  return html`<div class="narrow"><h1>Faults</h1><p>What breaks a network that was whole. <code>npx lab break</code> does one of them to a finished lab, and does not say which.</p>
${labs.filter(lab => faults.some(fault => fault.lab === lab)).map(lab => html`<h2><a href="../labs/${lab.slug}.html">${titleOf(lab)}</a></h2><ul>${faults.filter(fault => fault.lab === lab).map(({ slug, name }) =>
  html`<li><a href="${slug}.html">${sentence(name)}</a></li>`)}</ul>`)}</div>`
}

function faultPage({ name, lab, step, refusedBy }: Fault, picture: Html | undefined): Html {
  const title = lab.lesson.steps.find(({ id }) => id === step)?.title ?? step
  return html`<div class="narrow"><p class="aside"><a href="index.html">Faults</a></p><h1>${sentence(name)}</h1>
<p>A fault of <a href="../labs/${lab.slug}.html#${step}">${titleOf(lab)}, ${title}</a>. While it lasts, <code>lab check</code> says:</p>
${picture ?? html`<ul class="claims"><li class="no"><i aria-hidden="true">✗</i>${refusedBy}</li></ul>`}</div>`
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}

function firstSentence(markdown: string): string {
  return (/^[^]*?[.:](?=\s|$)/.exec(markdown)?.[0] ?? markdown).replaceAll(/[`*]/g, '').replaceAll(/\s+/g, ' ')
}
