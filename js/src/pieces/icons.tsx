// The few signs on buttons, drawn in the colour of the text around them.
import type { ComponentChildren } from "preact";

function Icon({ children, filled }: { children: ComponentChildren; filled?: boolean }) {
  return (
    <svg
      viewBox="0 0 16 16"
      width="16"
      height="16"
      aria-hidden="true"
      fill={filled ? "currentColor" : "none"}
      stroke={filled ? "none" : "currentColor"}
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
    >
      {children}
    </svg>
  );
}

export const PlayIcon = () => (
  <Icon filled>
    <path d="M4.5 2.6v10.8a.6.6 0 0 0 .9.5l8.6-5.4a.6.6 0 0 0 0-1L5.4 2.1a.6.6 0 0 0-.9.5z" />
  </Icon>
);

export const PauseIcon = () => (
  <Icon filled>
    <rect x="3.5" y="2.5" width="3.2" height="11" rx=".8" />
    <rect x="9.3" y="2.5" width="3.2" height="11" rx=".8" />
  </Icon>
);

export const LoopIcon = () => (
  <Icon>
    <path d="M3 7.5V6.6a2.6 2.6 0 0 1 2.6-2.6H13M11 1.8 13.2 4 11 6.2M13 8.5v.9a2.6 2.6 0 0 1-2.6 2.6H3M5 14.2 2.8 12 5 9.8" />
  </Icon>
);

export const MarkerIcon = () => (
  <Icon>
    <path d="M8 14.5C5 11 3.5 8.8 3.5 6.5a4.5 4.5 0 0 1 9 0c0 2.3-1.5 4.5-4.5 8z" />
    <circle cx="8" cy="6.5" r="1.5" />
  </Icon>
);

export const PanIcon = () => (
  <Icon>
    <path d="M8 1.8v12.4M1.8 8h12.4M6.2 3.4 8 1.6l1.8 1.8M6.2 12.6 8 14.4l1.8-1.8M3.4 6.2 1.6 8l1.8 1.8M12.6 6.2 14.4 8l-1.8 1.8" />
  </Icon>
);

export const LassoIcon = () => (
  <Icon>
    <path
      d="M5 11.2C3.1 10.4 1.9 8.9 1.9 7.2c0-2.8 2.8-4.9 6.2-4.9s6.1 2.1 6.1 4.7-2.7 4.7-6.1 4.7c-.7 0-1.4-.1-2-.3"
      stroke-dasharray="2.6 2.2"
    />
    <circle cx="5" cy="11.4" r="1.3" />
    <path d="M5.2 12.7c.2 1-.3 1.7-1.2 2" />
  </Icon>
);

export const ReplaceIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.8" />
  </Icon>
);

export const AddIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M8 5.4v5.2M5.4 8h5.2" />
  </Icon>
);

export const SubtractIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.8" />
    <path d="M5.4 8h5.2" />
  </Icon>
);

export const FitIcon = () => (
  <Icon>
    <path d="M5.5 2H2v3.5M10.5 2H14v3.5M5.5 14H2v-3.5M10.5 14H14v-3.5" />
    <circle cx="6.5" cy="7" r=".8" />
    <circle cx="9.5" cy="6.5" r=".8" />
    <circle cx="8" cy="9.5" r=".8" />
  </Icon>
);

export const KeyIcon = () => (
  <Icon>
    <path d="M5.5 6a2.5 2.5 0 1 1 3.6 2.3c-.7.4-1.1.9-1.1 1.7M8 12.5v.5" />
  </Icon>
);

export const FullScreenIcon = () => (
  <Icon>
    <path d="M9.5 2H14v4.5M14 2 9.5 6.5M6.5 14H2V9.5M2 14l4.5-4.5" />
  </Icon>
);

export const PinIcon = () => (
  <Icon>
    <path d="M2 2.5h12v11H2zM9.5 2.5v11" />
  </Icon>
);

export const LayersIcon = () => (
  <Icon>
    <path d="m8 2 6 3.2-6 3.2-6-3.2zM2.4 8.2 8 11.2l5.6-3M2.4 11 8 14l5.6-3" />
  </Icon>
);

export const TrailIcon = () => (
  <Icon>
    <path d="M2 13.5c2.5-.2 3-2 3.4-4S7 5 10.2 4.4" stroke-dasharray="2.4 2.2" />
    <circle cx="12.2" cy="4" r="2" />
  </Icon>
);

export const SaveIcon = () => (
  <Icon>
    <path d="M8 2v8M4.8 7 8 10.2 11.2 7M2.5 11.5v2h11v-2" />
  </Icon>
);

export const ColorsIcon = () => (
  <Icon>
    <circle cx="8" cy="5.6" r="3.4" />
    <circle cx="5.6" cy="10" r="3.4" />
    <circle cx="10.4" cy="10" r="3.4" />
  </Icon>
);

export const FindIcon = () => (
  <Icon>
    <circle cx="7" cy="7" r="4.6" />
    <path d="m10.5 10.5 3.6 3.6" />
  </Icon>
);

export const FieldsIcon = () => (
  <Icon>
    <path d="M2 4.5h12M4.5 8h7M6.5 11.5h3" />
  </Icon>
);

export const SavedIcon = () => (
  <Icon>
    <path d="M4 2.2h8v11.6l-4-3.2-4 3.2z" />
  </Icon>
);

export const RenameIcon = () => (
  <Icon>
    <path d="m2.5 13.5.7-3 7.6-7.6 2.3 2.3-7.6 7.6z" />
  </Icon>
);

export const ShareIcon = () => (
  <Icon>
    <path d="M9.5 2H14v4.5M14 2 7.5 8.5M12 9.5V14H2V4h4.5" />
  </Icon>
);

export const EventsIcon = () => (
  <Icon>
    <path d="M4 14V2.5h8l-2 3 2 3H4" />
  </Icon>
);

export const PreviousIcon = () => (
  <Icon>
    <path d="m10 3-5 5 5 5" />
  </Icon>
);

export const NextIcon = () => (
  <Icon>
    <path d="m6 3 5 5-5 5" />
  </Icon>
);

export const UndoIcon = () => (
  <Icon>
    <path d="M5.5 2.5 2.5 5.5l3 3M2.5 5.5h7a4 4 0 0 1 0 8H6" />
  </Icon>
);

export const RedoIcon = () => (
  <Icon>
    <path d="m10.5 2.5 3 3-3 3M13.5 5.5h-7a4 4 0 0 0 0 8H10" />
  </Icon>
);

export const CloseIcon = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
