using Microsoft.ML;
using Microsoft.ML.Data;

namespace AdaBN.MLNet;

/// <summary>The column that says of which domain a row is.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Unknown">What scoring does with an id that no row had that was adapted to.</param>
internal sealed record DomainColumn(string Name, UnknownDomain Unknown)
{
    private const string Mend = "Give each row its domain's id, from 1, as a scalar Int64: Conversion.MapValue from names, Conversion.ConvertType from other numbers.";

    /// <summary>Refuses a schema without it.</summary>
    /// <exception cref="AdaptationException">There is no such column, or it holds something else.</exception>
    public void Check(SchemaShape schema)
    {
        if (schema.LastOrDefault(column => column.Name == Name) is { IsKey: false, Kind: SchemaShape.Column.VectorKind.Scalar } found && found.ItemType == NumberDataViewType.Int64) return;
        throw new AdaptationException(AdaptationError.InputMismatch, $"The rows have no scalar column '{Name}' of Int64 for the ids of domains. {Mend}");
    }

    /// <exception cref="AdaptationException">There is no such column, or it holds something else.</exception>
    public DataViewSchema.Column FindIn(DataViewSchema schema) => schema.GetColumnOrNull(Name) is not { } column
        ? throw new AdaptationException(AdaptationError.InputMismatch, $"The rows have no column '{Name}' for the ids of domains; they have {string.Join(", ", schema.Select(found => $"'{found.Name}'"))}. {Mend}")
        : column.Type == NumberDataViewType.Int64 ? column : throw new AdaptationException(AdaptationError.InputMismatch, $"Column '{Name}' is {column.Type}, expected Int64. {Mend}");
}
