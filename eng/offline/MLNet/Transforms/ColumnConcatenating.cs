using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms
{
    public sealed class ColumnConcatenatingEstimator : IEstimator<ColumnConcatenatingTransformer>
    {
        private readonly string _output;
        private readonly string[] _inputs;

        internal ColumnConcatenatingEstimator(string outputColumnName, string[] inputColumnNames)
        {
            _output = Check.NonEmpty(outputColumnName, nameof(outputColumnName));
            _inputs = Check.Value(inputColumnNames, nameof(inputColumnNames));
            Check.Parameter(_inputs.Length > 0, nameof(inputColumnNames), "There is nothing to join.");
            Check.Parameter(!_inputs.Any(string.IsNullOrEmpty), nameof(inputColumnNames), "A column without a name.");
        }

        public ColumnConcatenatingTransformer Fit(IDataView input)
        {
            Check.Value(input, nameof(input));
            return new ColumnConcatenatingTransformer(_output, _inputs);
        }

        public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        {
            Check.Value(inputSchema, nameof(inputSchema));
            var columns = _inputs.Select(name => inputSchema.TryFind(name, out var column)
                ? column : throw Check.MissingColumn(nameof(inputSchema), name)).ToArray();
            var itemType = columns[0].ItemType;
            foreach (var column in columns)
            {
                Check.State(column.ItemType.Equals(itemType), 
                    $"Columns of one type only can be joined: '{column.Name}' holds {column.ItemType}, those before it {itemType}.");
            }

            bool variable = columns.Any(column => column.Kind == SchemaShape.Column.VectorKind.VariableVector);
            bool named = columns.Any(column =>
                column.Kind == SchemaShape.Column.VectorKind.Scalar || column.Annotations.TryFind(SlotNames.Kind, out _));
            return inputSchema.With([new SchemaShape.Column(
                _output,
                variable ? SchemaShape.Column.VectorKind.VariableVector : SchemaShape.Column.VectorKind.Vector,
                itemType,
                named ? new SchemaShape([SlotNames.Promise]) : null)]);
        }
    }
}

namespace Microsoft.ML.Data
{
    public sealed class ColumnConcatenatingTransformer : RowToRowTransformerBase
    {
        internal const string LoaderSignature = "ConcatTransform";
        private readonly string _output;
        private readonly string[] _inputs;

        internal ColumnConcatenatingTransformer(string output, string[] inputs)
        {
            _output = output;
            _inputs = inputs;
        }

        internal static ITransformer Load(ModelLoadContext context)
        {
            string output = context.Reader.ReadString();
            return new ColumnConcatenatingTransformer(output, context.ReadStrings());
        }

        private protected override void SaveModel(ModelSaveContext ctx)
        {
            ctx.Begin(LoaderSignature);
            ctx.Writer.Write(_output);
            ctx.WriteStrings(_inputs);
        }

        private protected override BoundMapper Bind(DataViewSchema inputSchema) => new Mapper(inputSchema, _output, _inputs);

        private sealed class Mapper : BoundMapper
        {
            private readonly DataViewSchema.Column[] _sources;
            private readonly AddedColumn _added;

            internal Mapper(DataViewSchema inputSchema, string output, string[] inputs) : base(inputSchema)
            {
                _sources = [.. inputs.Select(name => inputSchema.GetColumnOrNull(name)
                    ?? throw Check.MissingColumn(nameof(inputSchema), name))];
                var itemType = (PrimitiveDataViewType)DataViewTypeFacts.ItemTypeOf(_sources[0].Type);
                foreach (var source in _sources)
                {
                    if (!DataViewTypeFacts.ItemTypeOf(source.Type).Equals(itemType))
                        throw Check.WrongColumnType(nameof(inputSchema), source.Name, itemType, source.Type);
                }

                bool variable = _sources.Any(source => DataViewTypeFacts.ValueCountOf(source.Type) == 0);
                int size = variable ? 0 : _sources.Sum(source => DataViewTypeFacts.ValueCountOf(source.Type));
                _added = IsCopy
                    ? new AddedColumn(output, _sources[0].Type, _sources[0].Annotations)
                    : new AddedColumn(output, new VectorDataViewType(itemType, size), variable ? null : SlotNames.Of(_sources, size));
            }

            /// <summary>One vector alone is passed on as it is, dimensions and all.</summary>
            private bool IsCopy => _sources is [{ Type: VectorDataViewType }];

            internal override IReadOnlyList<AddedColumn> Added() => [_added];

            internal override IEnumerable<int> InputsOf(IReadOnlySet<int> added) => _sources.Select(source => source.Index);

            internal override Delegate[] CreateGetters(DataViewRow input, IReadOnlySet<int> added, out Action disposer)
            {
                disposer = null;
                if (added.Count == 0)
                    return [null];
                var item = DataViewTypeFacts.ItemTypeOf(_added.Type).RawType;
                return [IsCopy ? Getters.Untyped(input, _sources[0])
                    : (Delegate)Generic.Call(this, typeof(Mapper), nameof(Concatenate), [item], input)];
            }

            private ValueGetter<VBuffer<T>> Concatenate<T>(DataViewRow input)
            {
                var scalars = new ValueGetter<T>[_sources.Length];
                var vectors = new ValueGetter<VBuffer<T>>[_sources.Length];
                for (int i = 0; i < _sources.Length; i++)
                {
                    if (_sources[i].Type is VectorDataViewType)
                        vectors[i] = input.GetGetter<VBuffer<T>>(_sources[i]);
                    else
                        scalars[i] = input.GetGetter<T>(_sources[i]);
                }

                var parts = new VBuffer<T>[_sources.Length];
                return (ref VBuffer<T> result) =>
                {
                    for (int i = 0; i < parts.Length; i++)
                    {
                        if (vectors[i] != null)
                            ReadVector(vectors[i], _sources[i], ref parts[i]);
                        else
                            ReadScalar(scalars[i], ref parts[i]);
                    }

                    Join(parts, ref result);
                };
            }

            private static void ReadScalar<T>(ValueGetter<T> get, ref VBuffer<T> part)
            {
                var editor = VBufferEditor.Create(ref part, 1);
                get(ref editor.Values[0]);
                part = editor.Commit();
            }

            private static void ReadVector<T>(ValueGetter<VBuffer<T>> get, DataViewSchema.Column source, ref VBuffer<T> part)
            {
                get(ref part);
                int expected = DataViewTypeFacts.ValueCountOf(source.Type);
                Check.State(expected == 0 || expected == part.Length,
                    $"A row of column '{source.Name}' has {part.Length} values where its type says {expected}.");
            }

            /// <summary>Sparse where at most half of the slots are stored, dense otherwise.</summary>
            private static void Join<T>(VBuffer<T>[] parts, ref VBuffer<T> result)
            {
                int length = parts.Sum(part => part.Length);
                int stored = parts.Sum(part => part.GetValues().Length);
                bool sparse = stored <= length / 2;
                var editor = VBufferEditor.Create(ref result, length, sparse ? stored : length);
                int offset = 0, count = 0;
                foreach (var part in parts)
                {
                    if (!sparse)
                        part.CopyTo(editor.Values.Slice(offset, part.Length));
                    var values = part.GetValues();
                    var indices = part.GetIndices();
                    for (int i = 0; sparse && i < values.Length && stored < length; i++)
                    {
                        editor.Values[count] = values[i];
                        editor.Indices[count++] = offset + (part.IsDense ? i : indices[i]);
                    }

                    offset += part.Length;
                }

                result = editor.Commit();
            }
        }
    }
}
