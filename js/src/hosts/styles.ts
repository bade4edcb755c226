// All styles of the explorer: the shared ones first.
import events from "../chrome/events.css";
import explorer from "../chrome/explorer.css";
import legend from "../chrome/legend.css";
import tabs from "../chrome/panels.css";
import saved from "../chrome/saved.css";
import timeline from "../chrome/timeline.css";
import onMap from "../on_map/on_map.css";
import columns from "../panels/charts/charts.css";
import classes from "../panels/classes/classes.css";
import confusion from "../panels/confusion/confusion.css";
import explain from "../panels/explain/explain.css";
import images from "../panels/images/images.css";
import layers from "../panels/layers/layers.css";
import lists from "../panels/lists/lists.css";
import markers from "../panels/markers/markers.css";
import measures from "../panels/measures/measures.css";
import models from "../panels/models/models.css";
import overview from "../panels/overview/overview.css";
import sample from "../panels/sample/sample.css";
import similar from "../panels/similar/similar.css";
import solid from "../panels/solid/solid.css";
import why from "../panels/why/why.css";
import asked from "../pieces/asked.css";
import bars from "../pieces/bars.css";
import base from "../pieces/base.css";
import charts from "../pieces/charts.css";
import form from "../pieces/form.css";
import list from "../pieces/list.css";
import menu from "../pieces/menu.css";
import facts from "../pieces/sample.css";
import find from "../query/field/find.css";

export const styles = [
  base,
  ...[asked, bars, charts, facts, form, list, menu],
  ...[explorer, legend, tabs, saved, timeline, events, find, onMap],
  ...[
    columns,
    classes,
    confusion,
    explain,
    images,
    layers,
    lists,
    markers,
    measures,
    models,
    overview,
  ],
  ...[sample, similar, solid, why],
].join("\n");
