using System.Reflection;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Microsoft.ML
{
    public static class CustomMappingCatalog
    {
        public static CustomMappingEstimator<TSrc, TDst> CustomMapping<TSrc, TDst>(
            this TransformsCatalog catalog,
            Action<TSrc, TDst> mapAction,
            string contractName,
            SchemaDefinition inputSchemaDefinition = null,
            SchemaDefinition outputSchemaDefinition = null)
            where TSrc : class, new()
            where TDst : class, new() =>
            new(new CustomMappingTransformer<TSrc, TDst>(mapAction, contractName, inputSchemaDefinition, outputSchemaDefinition));
    }
}

namespace Microsoft.ML.Transforms
{
    /// <summary>Marks the <see cref="CustomMappingFactory{TSrc, TDst}"/> that a loaded model asks for by this contract name.</summary>
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class CustomMappingFactoryAttributeAttribute(string contractName) : ExtensionBaseAttribute(contractName)
    {
    }

    internal interface ICustomMappingFactory
    {
        ITransformer Create(string contractName);
    }

    public abstract class CustomMappingFactory<TSrc, TDst> : ICustomMappingFactory
        where TSrc : class, new()
        where TDst : class, new()
    {
        public abstract Action<TSrc, TDst> GetMapping();

        ITransformer ICustomMappingFactory.Create(string contractName) =>
            new CustomMappingTransformer<TSrc, TDst>(GetMapping(), contractName, null, null);
    }

    internal static class CustomMappingLoader
    {
        internal const string Signature = "CustomTransformer";

        internal static ITransformer Load(ModelLoadContext context)
        {
            string contract = context.Reader.ReadString();
            var catalog = context.Environment.ComponentCatalog;
            catalog.RegisterAssembly(Assembly.Load(context.Reader.ReadString()));
            object factory = catalog.CreateExtension(typeof(CustomMappingFactoryAttributeAttribute), contract);
            Check.State(factory is ICustomMappingFactory,
                $"The class for contract '{contract}' is no {typeof(CustomMappingFactory<,>)}.");
            return ((ICustomMappingFactory)factory).Create(contract);
        }
    }

    public sealed class CustomMappingEstimator<TSrc, TDst> : TrivialEstimator<CustomMappingTransformer<TSrc, TDst>>
        where TSrc : class, new()
        where TDst : class, new()
    {
        internal CustomMappingEstimator(CustomMappingTransformer<TSrc, TDst> transformer) : base(transformer)
        {
        }

        public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
        {
            foreach (var member in MemberColumn.Of(typeof(TSrc), Transformer.InputDefinition, SchemaDefinition.Direction.Both))
            {
                if (!inputSchema.TryFind(member.ColumnName, out var column))
                    throw Check.MissingColumn(nameof(inputSchema), member.ColumnName);
                // A member of unknown size takes any vector; a known one, only vectors of known size.
                var kind = SchemaShape.KindOf(member.ColumnType);
                bool fits = kind == column.Kind
                    || (kind == SchemaShape.Column.VectorKind.VariableVector && column.Kind == SchemaShape.Column.VectorKind.Vector);
                if (!fits || !member.Value.ItemType.Equals(column.ItemType))
                    throw Check.WrongColumnType(nameof(inputSchema), member.ColumnName, member.ColumnType, column.TypeText);
            }

            return inputSchema.With(SchemaShape.Create(MemberColumn.SchemaOf(Transformer.Added)));
        }
    }

    public sealed class CustomMappingTransformer<TSrc, TDst> : ITransformer
        where TSrc : class, new()
        where TDst : class, new()
    {
        private readonly Action<TSrc, TDst> _map;
        private readonly string _contract;

        internal CustomMappingTransformer(Action<TSrc, TDst> mapAction, string contract, SchemaDefinition input, SchemaDefinition output)
        {
            _map = Check.Value(mapAction, nameof(mapAction));
            _contract = contract;
            InputDefinition = input;
            Added = MemberColumn.Of(typeof(TDst), output, SchemaDefinition.Direction.Write);
        }

        bool ITransformer.IsRowToRowMapper => true;

        internal SchemaDefinition InputDefinition { get; }

        internal MemberColumn[] Added { get; }

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) =>
            new Mapper(this, Check.Value(inputSchema, nameof(inputSchema))).Layout.Schema;

        public IDataView Transform(IDataView input) =>
            new MappedDataView(Check.Value(input, nameof(input)), new Mapper(this, input.Schema));

        IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) =>
            new BoundRowMapper(new Mapper(this, Check.Value(inputSchema, nameof(inputSchema))));

        void ICanSaveModel.Save(ModelSaveContext ctx)
        {
            Check.State(_contract != null, "A custom mapping without a contract name cannot be saved.");
            ctx.Begin(CustomMappingLoader.Signature);
            ctx.Writer.Write(_contract);
            ctx.Writer.Write(_map.Method.DeclaringType.Assembly.FullName);
        }

        private sealed class Mapper(CustomMappingTransformer<TSrc, TDst> parent, DataViewSchema schema) : BoundMapper(schema)
        {
            private readonly ObjectReader<TSrc> _reader = new(schema, ignoreMissingColumns: false, parent.InputDefinition);

            internal override IReadOnlyList<AddedColumn> Added() =>
                [.. parent.Added.Select(member => new AddedColumn(member.ColumnName, member.ColumnType))];

            internal override IEnumerable<int> InputsOf(IReadOnlySet<int> added) => _reader.Columns.Select(column => column.Index);

            /// <summary>Maps once a row, when the first of its columns is asked for; both objects are reused from row to row.</summary>
            internal override Delegate[] CreateGetters(DataViewRow input, IReadOnlySet<int> added, out Action disposer)
            {
                disposer = null;
                var getters = new Delegate[parent.Added.Length];
                if (added.Count == 0)
                    return getters;
                var fill = _reader.Bind(input);
                var (source, result) = (new TSrc(), new TDst());
                var output = new ObjectRow<TDst>(MemberColumn.SchemaOf(parent.Added), parent.Added, _ => true);
                long mapped = -1;
                foreach (int index in added)
                {
                    var column = output.Schema[index];
                    Type[] value = [column.Type.RawType];
                    getters[index] = (Delegate)Generic.Call(null, typeof(Mapper), nameof(After), value, output, column, (Action)Refresh);
                }

                return getters;

                void Refresh()
                {
                    if (mapped == input.Position)
                        return;
                    fill(source);
                    parent._map(source, result);
                    output.MoveTo(result);
                    mapped = input.Position;
                }
            }

            private static ValueGetter<T> After<T>(DataViewRow row, DataViewSchema.Column column, Action refresh)
            {
                var get = row.GetGetter<T>(column);
                return (ref T value) =>
                {
                    refresh();
                    get(ref value);
                };
            }
        }
    }
}
