/** What one app has on the engine, as the planner sees it. */
import type { AllottedHardware } from '../allot/allotted-hardware.ts'
import type { Site } from '../allot/site.ts'
import type { ContainerDetails, EngineContainer, NamedObject } from '../engine/engine.ts'

export type ObservedContainer = EngineContainer & {
  readonly service: string
  readonly details: ContainerDetails | undefined
}

export type Observed = {
  /** only ours for this app, sorted by name */
  readonly containers: readonly ObservedContainer[]
  /** all of the engine: to see which of ours exist and whether a wanted name belongs to somebody else */
  readonly networks: readonly NamedObject[]
  readonly volumes: readonly NamedObject[]
  /** what registries call the images of these containers, as `sha256:…` by image id; only where they have such a name */
  readonly imageDigests?: Readonly<Record<string, string>>
  /** absent where no app asks for any */
  readonly hardware?: AllottedHardware
  /** what the device is; absent where it is not known */
  readonly site?: Site
  /** ids of containers that lost their GPU and may be made anew */
  readonly lostGpus?: ReadonlySet<string>
  /** of a Compose project of the app's name, where it was asked for */
  readonly project?: readonly ObservedContainer[]
}
