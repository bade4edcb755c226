// The tools of the canvas: pointer tools, how picks join the selection, menus, the saved picture and the reset.
import type { ComponentChildren } from "preact";
import type { Stage } from "../canvas/stage";
import {
  AddIcon,
  FitIcon,
  LassoIcon,
  MarkerIcon,
  PanIcon,
  ReplaceIcon,
  SaveIcon,
  SubtractIcon,
  TrailIcon,
} from "../pieces/icons";
import { Menu } from "../pieces/menu";
import { ToolButton } from "../pieces/tool";
import { canDecode } from "../state/markers";
import type { Combine } from "../state/selection";
import type { Store, Tool } from "../state/store";
import { Follow } from "./follow";
import { FullScreen } from "./height";
import { Key } from "./key";
import type { Parts } from "./parts";
import { SettingsMenu } from "./settings";
import { ShowMenu } from "./show";

const TOOLS: readonly { tool: Tool; name: string; icon: ComponentChildren }[] = [
  { tool: "pan", name: "Pan and zoom (hold shift to draw a lasso)", icon: <PanIcon /> },
  { tool: "lasso", name: "Lasso: draw around points", icon: <LassoIcon /> },
  {
    tool: "marker",
    name: "Marker: click to decode a place, drag to decode the path between two",
    icon: <MarkerIcon />,
  },
];

const COMBINES: readonly { how: Combine; name: string; icon: ComponentChildren }[] = [
  { how: "replace", name: "Replace the selection", icon: <ReplaceIcon /> },
  { how: "add", name: "Add to the selection", icon: <AddIcon /> },
  { how: "subtract", name: "Remove from the selection", icon: <SubtractIcon /> },
];

interface ToolsProperties extends Pick<Parts, "savePicture"> {
  store: Store;
  stages: readonly Stage[];
}

export function Tools({ store, stages, savePicture }: ToolsProperties) {
  const { trails, neighbors, keep } = store.view;
  const save = (event: MouseEvent): void =>
    savePicture(store, stages, getComputedStyle(event.currentTarget as HTMLElement).fontFamily);
  return (
    <div class="dvi-tools" role="toolbar" aria-label="Canvas tools">
      {TOOLS.filter(({ tool }) => tool !== "marker" || canDecode(store)).map(
        ({ tool, name, icon }) => (
          <ToolButton
            key={tool}
            testid={`tool-${tool}`}
            name={name}
            pressed={store.tool.value === tool}
            press={() => {
              store.tool.value = tool;
            }}
          >
            {icon}
          </ToolButton>
        ),
      )}
      <span class="dvi-divider" />
      {COMBINES.map(({ how, name, icon }) => (
        <ToolButton
          key={how}
          testid={`combine-${how}`}
          name={name}
          pressed={store.combine.value === how}
          press={() => {
            store.combine.value = how;
          }}
        >
          {icon}
        </ToolButton>
      ))}
      <span class="dvi-divider" />
      <ShowMenu store={store} />
      <Menu
        testid="follow"
        name="Follow the selected samples"
        icon={<TrailIcon />}
        on={
          store.selection.value.indices.length > 0 &&
          (trails.value || neighbors.value || keep.value)
        }
      >
        <Follow store={store} stages={stages} />
      </Menu>
      <SettingsMenu store={store} />
      <span class="dvi-divider" />
      <ToolButton testid="save-picture" name="Save the view as a picture (PNG)" press={save}>
        <SaveIcon />
      </ToolButton>
      <ToolButton
        testid="reset-view"
        name="Fit the samples (0)"
        press={() => {
          store.view.keep.value = false;
          for (const { camera } of stages) {
            camera.reset();
          }
        }}
      >
        <FitIcon />
      </ToolButton>
      <FullScreen />
      <Key store={store} />
    </div>
  );
}
