import type { Labels, Requirement, Selector } from './objects.ts'

export function selects(selector: Selector, labels: Labels): boolean {
  return selector.every(requirement => holds(requirement, labels))
}

/** `NotIn` and `DoesNotExist` hold for what has no such label at all. */
function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined
  switch (operator) {
    case 'In': return value !== undefined && values.includes(value)
    case 'NotIn': return value === undefined || !values.includes(value)
    case 'Exists': return value !== undefined
    case 'DoesNotExist': return value === undefined
  }
}
