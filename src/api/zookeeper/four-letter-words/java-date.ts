const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A time of day (ms since 1970) as Java's Date prints it in UTC: `Mon Nov 30 14:58:58 UTC 2026`. */
export function javaDate(timeOfDay: number): string {
  const date = new Date(timeOfDay);
  const [day, month] = [days[date.getUTCDay()], months[date.getUTCMonth()]];
  const clock = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${day} ${month} ${two(date.getUTCDate())} ${clock} UTC ${date.getUTCFullYear()}`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
