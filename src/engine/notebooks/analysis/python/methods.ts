// What well-known methods and functions of Python's libraries do to the object they are called on or given. Tables and
// the questions asked of them; names that stand in none are judged by how the call is written (calls.ts).
import type { MutationKind } from "../facts.ts";

const set = (words: string): ReadonlySet<string> => new Set(words.split(/\s+/));

/** Change the receiver so that the outcome depends on what was there. */
const ACCUMULATES = set(`append extend insert pop popitem popleft appendleft extendleft remove reverse rotate write writelines
  writerow writerows read readline readlines readinto step backward partial_fit send put put_nowait push resize shuffle
  symmetric_difference_update subtract __next__ jumped consume advance enqueue dequeue add_row add_rows learn
  train train_on_batch fit_generator truncate seek iadd`);

/** Change the receiver; to do it twice does nothing more. */
const TRANSFORMS = set(`sort clear eval freeze requires_grad_ cuda cpu half zero_grad heapify close freeze_ unfreeze detach_
  intersection_update difference_update`);

/** Add to the receiver something that only depends on the arguments. */
const SETS = set(`add update setdefault discard add_node add_edge add_nodes_from add_edges_from remove_node remove_edge fill
  setflags set_params register add_argument fit compile load_state_dict set_index_names itemset put_along_axis add_layer
  subscribe add_module register_buffer __setitem__ __setattr__ move_to_end add_column`);

/** Called for what they show, or without effect on their receiver. */
const SHOWS = set(`show plot hist scatter bar barh boxplot imshow savefig set_title set_xlabel set_ylabel set_xlim set_ylim
  set_xticks set_yticks set_xticklabels set_yticklabels legend grid tight_layout suptitle subplots_adjust axhline axvline
  fill_between annotate text colorbar set head tail describe info print display sample to_csv to_parquet to_json to_excel
  to_pickle to_sql to_html save dump summary log debug warning error critical exception tick_params pie errorbar contour
  contourf matshow stem step_plot violinplot twinx set_aspect set_axis_off axis margins invert_yaxis figure format_map
  render view keys values items copy count index join format split strip lower upper startswith endswith flush assert_frame_equal
  mkdir unlink touch rename rmdir symlink_to write_text write_bytes read_text sleep wait`);

/** Applied to their own result, these change nothing (for arguments that stay the same). */
const IDEMPOTENT_METHODS = set(`dropna fillna drop_duplicates sort_values sort_index astype strip lstrip rstrip lower upper title
  capitalize casefold copy clip abs round ffill bfill infer_objects convert_dtypes to_numpy tolist unique query rename
  reset_index_drop to_datetime floor ceil normalize ravel flatten squeeze numpy detach cpu dropna_ sort reindex set_axis
  nlargest nsmallest filter select_dtypes to_frame str dt values where mask isin to_list`);

const IDEMPOTENT_FUNCTIONS = set(`sorted list set tuple str int float bool dict abs round frozenset np.array np.asarray numpy.array numpy.asarray
  pd.to_datetime pd.to_numeric pandas.to_datetime pandas.to_numeric np.unique np.abs np.sort np.round np.clip np.floor np.ceil
  np.ravel np.squeeze np.nan_to_num pd.DataFrame pd.Series pd.Categorical Path str.lower OrderedDict`);

/** Masks that look at each row by itself. */
export const ROW_PREDICATES = set(`notna isna notnull isnull isin between contains startswith endswith match fullmatch duplicated
  isdigit isalpha isnumeric eq ne gt lt ge le isfinite isnan logical_and logical_or logical_not any all len str`);

/** Functions (last name) that change their first argument. */
const CHANGES_FIRST = new Map<string, MutationKind>([
  ...["shuffle", "heappush", "heappop", "heapreplace", "heappushpop", "insort", "insort_left", "insort_right", "next", "anext", "put", "clip_grad_norm_", "clip_grad_value_", "fill_diagonal", "copyto", "put_along_axis", "place"].map((name) => [name, "accumulate"] as const),
  ...["heapify", "setattr", "delattr", "setitem", "delitem"].map((name) => [name, "transform"] as const),
]);

/** Attributes that show the whole of a table or array. */
export const WHOLE_ATTRIBUTES = set(`shape columns index values dtypes dtype size empty ndim T loc iloc at iat str dt plot data items keys
  memory_usage axes nbytes flat real imag grad state_dict parameters __dict__ __len__ style sparse cat attrs`);

/** Names of functions from elsewhere that, called for their effect, change what they are given. */
const SOUNDS_CHANGING = /^(?:train|fit|update|set|register|fill|init|clean|shuffle|sort|append|push|insert|remove|drop|mutate|modify|fix|extend|patch|add|inplace)(?:_|[A-Z]|$)|_$|_inplace$/;

/** How a method changes its receiver: null where it does not, undefined where its name tells nothing. */
export function methodEffect(name: string): MutationKind | null | undefined {
  if (ACCUMULATES.has(name)) return "accumulate";
  if (TRANSFORMS.has(name)) return "transform";
  if (SETS.has(name)) return "set";
  if (SHOWS.has(name) || name.startsWith("get") || name.startsWith("is_") || name.startsWith("has_")) return null;
  if (name.startsWith("set_") || name.startsWith("fit_")) return "set";
  if (name.endsWith("_") && !name.endsWith("__")) return "accumulate";
  return undefined;
}

export function isIdempotentMethod(name: string): boolean {
  return IDEMPOTENT_METHODS.has(name);
}

export function isIdempotentFunction(dotted: string): boolean {
  return IDEMPOTENT_FUNCTIONS.has(dotted);
}

/** How a function changes its first argument, judged by its name alone. */
export function firstArgumentEffect(name: string): MutationKind | null {
  return CHANGES_FIRST.get(name) ?? null;
}

export function soundsChanging(name: string): boolean {
  return SOUNDS_CHANGING.test(name);
}

/** Classes whose methods each move a hidden state on. */
export function isDrawing(callee: string): boolean {
  return /(?:^|\.)(?:default_rng|RandomState|Random|Generator|PRNGKey|iter|count|cycle|open|StringIO|BytesIO|Faker|reader|DictReader|Queue|deque_iterator|zip|map|filter|enumerate|finditer|scandir|TextIOWrapper|Popen|socket|sampler)$/.test(callee);
}

/** Estimators that go on from where they were when they are fitted again. */
export function continuesFitting(callee: string): boolean {
  return /keras|tensorflow|tf\.|Sequential|Trainer|torch|lightning|warm_start/.test(callee);
}

const BUILTINS = set(`abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr classmethod compile complex
  copyright credits delattr dict dir display divmod enumerate eval exec exit filter float format frozenset get_ipython getattr
  globals hasattr hash help hex id input int isinstance issubclass iter len license list locals map max memoryview min next
  object oct open ord pow print property quit range repr reversed round set setattr slice sorted staticmethod str sum super
  tuple type vars zip __import__ __name__ __file__ __doc__ __builtins__ __debug__ Ellipsis NotImplemented True False None self cls
  ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup BlockingIOError BrokenPipeError BufferError
  BytesWarning ChildProcessError ConnectionAbortedError ConnectionError ConnectionRefusedError ConnectionResetError
  DeprecationWarning EOFError EnvironmentError Exception ExceptionGroup FileExistsError FileNotFoundError FloatingPointError
  FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError IndexError InterruptedError IsADirectoryError
  KeyError KeyboardInterrupt LookupError MemoryError ModuleNotFoundError NameError NotADirectoryError NotImplementedError OSError
  OverflowError PendingDeprecationWarning PermissionError ProcessLookupError RecursionError ReferenceError ResourceWarning
  RuntimeError RuntimeWarning StopAsyncIteration StopIteration SyntaxError SyntaxWarning SystemError SystemExit TabError
  TimeoutError TypeError UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeWarning UserWarning ValueError
  Warning ZeroDivisionError`);

/** Whether Python (or IPython) itself brings the name. A session may still define it anew. */
export function isBuiltin(name: string): boolean {
  return BUILTINS.has(name);
}
