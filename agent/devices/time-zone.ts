/** The time zone of the device: TZ where it is set, else what the system says, as it was when the agent started. */
import { isTimeZone } from '../../src/compose/window.ts'

export const deviceTimeZone = (): string => {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  // A system whose zone has no name goes by UTC.
  return timeZone !== undefined && isTimeZone(timeZone) ? timeZone : 'UTC'
}
