import { FEATURES } from '../core/features.ts'

/** The names that a lesson's `requires` may use. */
export const featureNames: readonly string[] = Object.keys(FEATURES)
