// The live page: lesson left, drawing and terminals right. What moves in it, client/main.ts moves.
import type { Step } from '../../runner/core/lab.ts'
import type { CourseLab } from '../course.ts'
import type { Term } from '../glossary.ts'
import type { Highlight } from '../highlight.ts'
import { html, type Html } from '../html.ts'
import { proseHtml } from '../prose.ts'

export function livePage({ slug, lesson, lab, topology }: CourseLab, terms: readonly Term[], highlight: Highlight): string {
  const context = { highlight, topology, terms, linked: new Set<string>(), root: '' }
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${slug.slice(0, 2)} · ${lesson.title} · hardway</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/site.css">
<link rel="stylesheet" href="/assets/xterm.css">
<link rel="stylesheet" href="/assets/drawing.css">
<link rel="stylesheet" href="/assets/live.css">
<script src="/assets/theme.js"></script>
<script type="module" src="/live/client/main.ts"></script>
</head>
<body class="live">
<header class="bar"><b>hardway</b><h1>${slug.slice(0, 2)} · ${lesson.title}</h1>
<ol class="dots" aria-label="Steps">${lesson.steps.map(({ id, title }, index) => html`<li><button type="button" data-step="${id}" title="${title}"><span class="sr">${index + 1}. ${title}</span></button></li>`)}</ol>
<span class="at" id="at"></span>
<button type="button" data-act="hint">hint</button><button type="button" data-act="trace">trace…</button><button type="button" data-act="goto">go to…</button><button type="button" data-act="break">break</button><button type="button" data-act="reset">reset</button>
<button id="theme" type="button" aria-label="Light or dark"><span aria-hidden="true">◐</span></button></header>
<main class="text" tabindex="0">
<div id="news" class="no" role="status" hidden></div>
<div id="said" role="status" hidden></div>
<section class="step" data-id="" hidden>${proseHtml(lesson.intro, context)}</section>
${lesson.steps.map((step, index) => html`<section class="step" data-id="${step.id}" hidden>
<p class="aside">Step ${index + 1} of ${lesson.steps.length}</p><h2>${step.title}</h2>
${index === 0 ? html`<details class="intro"><summary>What this lab is about</summary>${proseHtml(lesson.intro, context)}</details>` : undefined}
${proseHtml(step.markdown, context)}
${claims(lab.steps[step.id])}
<p class="onward" hidden>This step holds. <button type="button" data-next="${lesson.steps[index + 1]?.id ?? ''}">${index + 1 < lesson.steps.length ? 'Next step' : 'What real systems do'}</button></p></section>`)}
<section class="step" data-id="reading" hidden><h2>What real systems do</h2>${proseHtml(lesson.reading ?? 'Every step of this lab holds.', context)}</section>
</main>
<aside class="right"><section class="map" id="map" aria-label="The network as it is now" tabindex="0"><p class="aside">looking at the network …</p></section>
<section class="terms" aria-label="Terminals"><div class="tabs" id="tabs" role="tablist" aria-label="Places"></div><div class="panes" id="panes"></div></section></aside>
<dialog id="ask"><form method="dialog"><p id="question"></p><div id="fields"></div><p class="buttons"><button value="cancel" formnovalidate>cancel</button><button value="ok" class="ok">ok</button></p></form></dialog>
</body>
</html>
`.text
}

/** Claims as they are before anybody has looked. */
function claims(step: Step | undefined): Html | undefined {
  return step === undefined ? undefined : html`<ul class="claims">${step.checks.map(({ claim }) => html`<li data-claim="${claim}" class="later"><i aria-hidden="true">○</i><span>${claim}<span class="because"></span></span></li>`)}</ul>`
}
