// A choice of one among a few.

interface ChoiceProperties {
  /** The name of the choice, for screen readers. */
  name: string;
  testid: string;
  value: string;
  /** Values, their labels, and whether they are unavailable now. */
  choices: readonly { value: string; words: string; disabled?: boolean }[];
  choose: (value: string) => void;
}

export function Choice({ name, testid, value, choices, choose }: ChoiceProperties) {
  return (
    <select
      class="dvi-select"
      aria-label={name}
      title={name}
      data-testid={testid}
      value={value}
      onChange={(event) => choose(event.currentTarget.value)}
    >
      {choices.map(({ value: one, words, disabled }) => (
        <option key={one} value={one} disabled={disabled}>
          {words}
        </option>
      ))}
    </select>
  );
}
