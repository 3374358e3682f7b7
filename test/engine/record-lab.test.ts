// A lab is done on nodes of its own, and what is kept of it is what was seen.
import { expect, test } from 'vitest'
import { FEATURES } from '../../runner/core/features.ts'
import { listLabs, loadLab, projectRoot } from '../../runner/engine/course.ts'
import { limiter } from '../../runner/engine/limit.ts'
import { recordLab } from '../../runner/engine/record-lab.ts'
import { chosen } from '../helpers/chosen.ts'
import { providersHere } from '../helpers/providers.ts'

const [embedded] = await providersHere()

test('each step ends as its claims have it, each fault shows what does not hold, and no nodes are left', async ({ skip }) => {
  if (embedded?.because !== undefined) skip(embedded.because)
  const provider = await chosen('embedded')
  await provider.prepare({ say: () => {} })
  const slug = listLabs(projectRoot)[0]?.slug ?? ''
  const loaded = await loadLab(projectRoot, slug, { features: Object.keys(FEATURES) })
  const parts: string[] = []
  const record = await recordLab({ home: '/nonexistent', provider, loaded }, { signal: new AbortController().signal, limit: limiter(3), onPart: text => parts.push(text) })
  expect(record.steps.map(({ step }) => step)).toEqual(loaded.lesson.steps.map(({ id }) => id))
  const first = record.steps[0]?.observed.nodes[0]?.namespaces.map(({ named }) => named)
  expect(first).toContain('red')
  expect(record.faults.length).toBe(Object.values(loaded.lab.steps).flatMap(({ mutants = {} }) => Object.values(mutants).filter(mutant => 'after' in mutant)).length)
  expect(record.faults.filter(({ failing }) => failing.length === 0).map(({ name }) => name)).toEqual([])
  expect(parts).toHaveLength(1 + record.faults.length)
  expect((await provider.running()).filter(({ lab }) => lab.startsWith(`${slug}.spare-`))).toEqual([])
})
