using System.Collections;
using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>What an estimator promises about a schema before any data is seen.</summary>
public sealed class SchemaShape : IReadOnlyList<SchemaShape.Column>
{
    private static readonly SchemaShape Empty = new([]);
    private readonly Column[] _columns;

    public SchemaShape(IEnumerable<Column> columns)
    {
        _columns = [.. Check.Value(columns, nameof(columns))];
        Check.Parameter(_columns.All(column => column.Name != null), nameof(columns), "A column without a name.");
    }

    public int Count => _columns.Length;

    public Column this[int index] => _columns[index];

    public IEnumerator<Column> GetEnumerator() => ((IEnumerable<Column>)_columns).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static SchemaShape Create(DataViewSchema schema) => new(Check.Value(schema, nameof(schema))
        .Where(column => !column.IsHidden)
        .Select(column => new Column(
            column.Name,
            KindOf(column.Type),
            DataViewTypeFacts.ItemTypeOf(column.Type),
            column.Annotations.Schema.Count > 0 ? Create(column.Annotations.Schema) : null)));

    internal static Column.VectorKind KindOf(DataViewType type) => type switch
    {
        VectorDataViewType { IsKnownSize: true } => Column.VectorKind.Vector,
        VectorDataViewType => Column.VectorKind.VariableVector,
        _ => Column.VectorKind.Scalar,
    };

    internal bool TryFind(string name, out Column column)
    {
        column = _columns.FirstOrDefault(candidate => candidate.Name == name);
        return column.Name != null;
    }

    /// <summary>These columns with others added, each in place of a column of the same name where there is one.</summary>
    internal SchemaShape With(IEnumerable<Column> added)
    {
        var columns = this.ToDictionary(column => column.Name);
        foreach (var column in added)
            columns[column.Name] = column;
        return new SchemaShape(columns.Values);
    }

    public struct Column
    {
        public readonly string Name;
        public readonly VectorKind Kind;
        public readonly DataViewType ItemType;
        public readonly bool IsKey;
        public readonly SchemaShape Annotations;

        internal Column(string name, VectorKind kind, DataViewType itemType, SchemaShape annotations = null)
        {
            Name = Check.NonEmpty(name, nameof(name));
            Kind = kind;
            ItemType = itemType;
            IsKey = false; // The stand-in has no key columns.
            Annotations = annotations ?? Empty;
        }

        public enum VectorKind
        {
            Scalar,
            Vector,
            VariableVector,
        }

        internal readonly string TypeText => Kind switch
        {
            VectorKind.Vector => $"Vector<{ItemType}>",
            VectorKind.VariableVector => $"VarVector<{ItemType}>",
            _ => $"{ItemType}",
        };
    }
}
