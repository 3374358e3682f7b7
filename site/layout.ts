// What all pages have around them. No inline script and no inline style, and nothing that is asked of another machine.
import type { Course } from './course.ts'
import { html, Html } from './html.ts'
import type { Page } from './pages.ts'

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'"

export function page({ path, title, kind, body }: Page, course: Course): Html {
  const root = '../'.repeat(path.split('/').length - 1)
  const entry = (href: string, name: string, here: boolean): Html => html`<a href="${root}${href}"${here ? new Html(' aria-current="page"') : undefined}>${name}</a>`
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<title>${title} · hardway</title>
<link rel="stylesheet" href="${root}assets/site.css">
<link rel="stylesheet" href="${root}assets/drawing.css">
<script src="${root}assets/theme.js"></script>
</head>
<body data-root="${root}">
<a class="skip" href="#main">Skip to the text</a>
<header class="top"><a class="brand" href="${root}index.html">hardway</a>
<nav aria-label="Site">${entry('index.html', 'Course', kind === 'course' || kind === 'lab')}${course.terms.length === 0 ? undefined : entry('glossary.html', 'Glossary', kind === 'glossary')}${entry('checks/index.html', 'Checks', kind === 'check')}${entry('faults/index.html', 'Faults', kind === 'fault')}</nav>
<div class="search" role="search"><input type="search" id="search_box" placeholder="Search" aria-label="Search the course" autocomplete="off"><ul id="found" hidden></ul></div>
<button id="theme" type="button" aria-label="Light or dark"><span aria-hidden="true">◐</span></button></header>
<main id="main">${body}</main>
<script src="${root}assets/minisearch.js" defer></script>
<script src="${root}assets/index.js" defer></script>
<script src="${root}assets/site.js" defer></script>
</body>
</html>
`
}
