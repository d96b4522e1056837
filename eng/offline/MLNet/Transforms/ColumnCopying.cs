using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms;

public sealed class ColumnCopyingEstimator : TrivialEstimator<ColumnCopyingTransformer>
{
    internal ColumnCopyingEstimator(string output, string input) : base(new ColumnCopyingTransformer(output, input))
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        if (!Check.Value(inputSchema, nameof(inputSchema)).TryFind(Transformer.Input, out var column))
            throw Check.MissingColumn(nameof(inputSchema), Transformer.Input);
        return inputSchema.With([new SchemaShape.Column(Transformer.Output, column.Kind, column.ItemType, column.Annotations)]);
    }
}

public sealed class ColumnCopyingTransformer : RowToRowTransformerBase
{
    internal const string LoaderSignature = "CopyTransform";

    internal ColumnCopyingTransformer(string output, string input)
    {
        Output = Check.NonEmpty(output, nameof(output));
        Input = Check.NonEmpty(input, nameof(input));
    }

    internal string Output { get; }

    internal string Input { get; }

    internal static ITransformer Load(ModelLoadContext context) =>
        new ColumnCopyingTransformer(context.Reader.ReadString(), context.Reader.ReadString());

    private protected override void SaveModel(ModelSaveContext ctx)
    {
        ctx.Begin(LoaderSignature);
        ctx.Writer.Write(Output);
        ctx.Writer.Write(Input);
    }

    private protected override BoundMapper Bind(DataViewSchema inputSchema) => new Mapper(inputSchema, Output, Input);

    private sealed class Mapper(DataViewSchema schema, string output, string input) : BoundMapper(schema)
    {
        private readonly DataViewSchema.Column _source = schema.GetColumnOrNull(input)
            ?? throw Check.MissingColumn("inputSchema", input);

        internal override IReadOnlyList<AddedColumn> Added() => [new(output, _source.Type, _source.Annotations)];

        internal override IEnumerable<int> InputsOf(IReadOnlySet<int> added) => [_source.Index];

        internal override Delegate[] CreateGetters(DataViewRow input, IReadOnlySet<int> added, out Action disposer)
        {
            disposer = null;
            return [added.Count == 0 ? null : Getters.Untyped(input, _source)];
        }
    }
}
