// A fault comes from a mutant of a step; on the finished lab, where later steps have replaced things, it may not fit.
import { describe, expect, test } from 'vitest'
import { tryOn } from '../../runner/engine/break.ts'
import { loadLab, projectRoot } from '../../runner/engine/course.ts'
import { onSpareNodes } from '../../runner/engine/spare.ts'
import { stock } from '../../runner/engine/stock.ts'
import { chosen } from '../helpers/chosen.ts'
import { providersHere } from '../helpers/providers.ts'

/** Those that break nothing once the whole lab is done: `lab break` passes them by. */
const WITHOUT_EFFECT: readonly string[] = []

const provider = await chosen('embedded')
const why = (await providersHere()).find(({ name }) => name === 'embedded')?.because
if (why === undefined) await provider.prepare({ say: () => {} })

for (const slug of ['01-first-netns', '02-bridge-samenode', '05-static-routes']) {
  const loaded = await loadLab(projectRoot, slug)
  describe.skipIf(why !== undefined)(`the finished lab ${slug}${why === undefined ? '' : ` (skipped: ${why})`}`, () => {
    for (const fault of stock(loaded)) {
      const without = WITHOUT_EFFECT.includes(`${slug} ${fault.name}`)
      test.concurrent(`${without ? 'is not broken' : 'is broken'} by: ${fault.name}`, async () => {
        const effect = await onSpareNodes({ provider, loaded }, new AbortController().signal, nodes => tryOn(loaded, fault, nodes))
        if (without) expect(effect).toMatchObject({ kind: expect.stringMatching(/nothing|failed/) as string })
        else expect(effect).toMatchObject({ kind: 'broke', whole: true })
        // Half a fault that nobody would see is the worst that a deed can leave.
        if (effect.kind === 'failed') expect(effect.left).toBe(false)
      })
    }
  })
}
