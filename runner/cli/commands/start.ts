import { resolveLab } from '../../engine/course.ts'
import { currentStep, judgeNow, start as startLab, type Session } from '../../engine/session.ts'
import { chosenProvider, home, load, nextLab, providerName, root, runningLabs } from '../context.ts'
import { interruptible } from '../interrupt.ts'
import { coloured, json, remark, result } from '../print.ts'
import { progressOn, shownUntil } from '../progress.ts'
import { stepProse } from '../step-prose.ts'

export interface StartOptions {
  readonly provider?: string
  /** False with --no-watch. */
  readonly watch: boolean
  readonly json?: true
}

/** A lab that runs is not started anew: what a learner has built in it is theirs. */
export async function start(name: string | undefined, options: StartOptions): Promise<number> {
  if (options.provider !== undefined) providerName(options.provider)
  const running = await runningLabs()
  const slug = name === undefined ? running[0]?.lab ?? (await nextLab()).slug : (await resolveLab(root, name)).slug
  const loaded = await load(slug)
  const before = running.find(({ lab, provider }) =>
    lab === slug && (options.provider === undefined || provider === providerName(options.provider)))
  const elsewhere = before === undefined ? running.find(({ lab }) => lab === slug) : undefined
  const session: Session = { home, loaded, provider: before?.from ?? await chosenProvider(options.provider) }
  if (before !== undefined) remark(`${slug} is running already; \`npx lab reset\` starts it afresh`)
  else {
    if (elsewhere !== undefined) await elsewhere.from.down(slug)
    const progress = progressOn(process.stderr, `starting ${slug}`)
    const limits = (await session.provider.problems()).filter(({ severity }) => severity === 'limit')
    for (const { what } of limits) remark(`note: ${what} (\`npx lab doctor\` says more)`)
    await shownUntil(progress, interruptible(signal => startLab(session, progress, signal)))
  }
  if (options.watch && !options.json && process.stdout.isTTY && process.stdin.isTTY) {
    const { watch } = await import('../watching.ts')
    return watch(session)
  }
  const step = currentStep(loaded, await judgeNow(session, { explains: false }))
  if (options.json) {
    json({ lab: slug, provider: session.provider.name, nodes: loaded.topology.nodes.map(node => node.name), step: step?.id ?? null })
    return 0
  }
  const shown = step ?? loaded.lesson.steps[0]
  if (shown !== undefined) {
    result(stepProse(loaded, shown, { width: Math.min(process.stdout.columns || 80, 100), colour: coloured(process.stdout) }))
  }
  remark(`${slug} is running on ${session.provider.name}: npx lab shell ${loaded.topology.nodes[0]?.name ?? ''}, npx lab check, npx lab stop`)
  return 0
}
