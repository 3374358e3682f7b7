import type { LessonStep } from '../core/lesson.ts'
import type { LoadedLab } from '../engine/course.ts'
import { renderProse } from './prose.ts'

/** A step as a terminal shows it. With the first step comes what the lesson says before it. */
export function stepProse(loaded: LoadedLab, step: LessonStep, options: { readonly width: number; readonly colour: boolean }): string {
  const first = loaded.lesson.steps[0]?.id === step.id
  return renderProse(`${first ? `${loaded.lesson.intro}\n\n` : ''}## ${step.title}\n\n${step.markdown}`, options)
}
