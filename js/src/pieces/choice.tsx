// A choice of one out of a few.

interface ChoiceProperties {
  /** What is chosen, for screen readers. */
  name: string;
  testid: string;
  value: string;
  /** Values with the words for them, and whether they can be had now. */
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
