using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms.Onnx;

public sealed class OnnxScoringEstimator : TrivialEstimator<OnnxTransformer>
{
    internal OnnxScoringEstimator(OnnxTransformer transformer) : base(transformer)
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        Check.Value(inputSchema, nameof(inputSchema));
        foreach (string name in Transformer.Inputs)
        {
            if (!inputSchema.TryFind(name, out var column))
                throw Check.MissingColumn(nameof(inputSchema), name);
            var value = Transformer.Model.Inputs.Find(value => value.Name == name);
            Check.State(value != null, $"The model has no input '{name}'.");
            // A scalar input fails this cast in ML.NET too.
            var expected = ((VectorDataViewType)value.ColumnType).ItemType;
            if (column.ItemType != expected)
                throw Check.WrongColumnType(nameof(inputSchema), name, expected, column.ItemType);
        }

        // Any output that is not a vector of known size is promised as one of unknown size.
        return inputSchema.With(Transformer.Outputs.Select(output => new SchemaShape.Column(
            output.Name,
            output.ColumnType is VectorDataViewType { IsKnownSize: true }
                ? SchemaShape.Column.VectorKind.Vector
                : SchemaShape.Column.VectorKind.VariableVector,
            DataViewTypeFacts.ItemTypeOf(output.ColumnType))));
    }
}
