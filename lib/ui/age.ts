/** Up to which age, in seconds, it is written how: the units and their names. */
const forms = [
  { below: 120, units: [['s', 1]] },
  {
    below: 10 * 60,
    units: [
      ['m', 60],
      ['s', 1],
    ],
  },
  { below: 3 * 3600, units: [['m', 60]] },
  {
    below: 8 * 3600,
    units: [
      ['h', 3600],
      ['m', 60],
    ],
  },
  { below: 48 * 3600, units: [['h', 3600]] },
  {
    below: 8 * 86_400,
    units: [
      ['d', 86_400],
      ['h', 3600],
    ],
  },
  { below: Infinity, units: [['d', 86_400]] },
] as const;

/**
 * The time since a moment, as kubectl writes it: 45s, 5m10s, 12m, 3h5m, 9d (HumanDuration in
 * k8s.io/apimachinery/pkg/util/duration, which writes years, too).
 */
export function age(since: Date, now: Date): string {
  let rest = Math.max(0, Math.floor((now.getTime() - since.getTime()) / 1000));
  const { units } = forms.find(({ below }) => rest < below)!;
  return units
    .map(([unit, seconds], index) => {
      const count = Math.floor(rest / seconds);
      rest %= seconds;
      return index > 0 && count === 0 ? '' : `${count}${unit}`;
    })
    .join('');
}
