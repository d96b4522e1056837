using System.Globalization;
using Microsoft.ML.Data;

namespace AdaBN.MLNet;

/// <summary>A row's vector on its way into a tensor.</summary>
internal static class RowVector
{
    /// <summary>Copies a vector, dense or sparse, into its place in a tensor.</summary>
    /// <param name="value">The row's value.</param>
    /// <param name="destination">The place, as long as the model wants the vector.</param>
    /// <param name="column">The column's name, for the error.</param>
    /// <param name="row">The row's position, for the error.</param>
    /// <exception cref="AdaptationException">The row's vector has another length than its column declares.</exception>
    public static void CopyTo(in VBuffer<float> value, Span<float> destination, string column, long row)
    {
        if (value.Length != destination.Length)
        {
            throw new AdaptationException(AdaptationError.InputMismatch, string.Create(CultureInfo.InvariantCulture,
                $"Row {row} of column '{column}' has {value.Length} values, expected {destination.Length}."));
        }
        value.CopyTo(destination);
    }
}
