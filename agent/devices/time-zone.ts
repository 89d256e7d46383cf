/** The time zone of the device: TZ where it is set, else what the system says. Read each time, for it may be set anew. */
import { isTimeZone } from '../../src/compose/window.ts'

export const deviceTimeZone = (): string => {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions()
  // A system whose zone has no name goes by UTC.
  return timeZone !== undefined && isTimeZone(timeZone) ? timeZone : 'UTC'
}
