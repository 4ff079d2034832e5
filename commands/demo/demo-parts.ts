import type { DemoTarget } from './demo-target.ts'
import type { MirrorView } from './mirror-view.ts'
import type { Phone } from './phone.ts'
import type { Screen } from './screen.ts'
import type { TrainingHistory } from './training-history.ts'

/** What every step of the demo works with. */
export type DemoParts = {
  readonly phone: Phone
  readonly history: TrainingHistory
  readonly target: DemoTarget
  /** Undefined when nobody said which Postgres it is. */
  readonly mirror: MirrorView | undefined
  readonly screen: Screen
}
